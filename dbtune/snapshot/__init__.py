"""Everything dbtune knows of a server, as one frozen value; and its file."""
