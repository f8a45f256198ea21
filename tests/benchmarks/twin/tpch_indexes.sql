-- Secondary indexes of several kinds for TPC-H.
CREATE EXTENSION pg_trgm;
CREATE INDEX ON lineitem (l_shipdate);
CREATE INDEX ON lineitem (l_partkey, l_suppkey);
CREATE INDEX ON lineitem USING brin (l_receiptdate);
CREATE INDEX ON orders (o_custkey);
CREATE INDEX ON orders (o_orderdate) INCLUDE (o_custkey);
CREATE INDEX ON orders USING brin (o_orderdate);
CREATE INDEX ON partsupp (ps_suppkey);
CREATE INDEX ON part (p_brand, p_size);
CREATE INDEX ON part USING gin (p_name gin_trgm_ops);
CREATE INDEX ON customer (c_mktsegment) WHERE c_acctbal > 0;
CREATE INDEX ON customer (lower(c_name));
CREATE INDEX ON nation USING hash (n_name);
CREATE INDEX ON supplier (s_nationkey);
