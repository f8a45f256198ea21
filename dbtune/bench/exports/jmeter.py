"""A JMeter test plan: JDBC requests under weighted throughput controllers."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from dbtune.bench.scripts import Script

_README = """# The workload's mix for JMeter

Put the PostgreSQL JDBC driver (postgresql-*.jar) into JMeter's lib folder, then

    jmeter -n -t plan.jmx -l results.jtl -Jurl=jdbc:postgresql://host/database \\
      -Juser=USER -Jpassword=PASSWORD -Jclients=20 -Jduration=60

Over several machines: the same with -R host1,host2 and -G instead of -J.
Parameter values are literals, weights follow the calls, writes are rolled back.
"""


def project(scripts: Sequence[Script]) -> dict[str, str]:
    """plan.jmx."""
    root = ElementTree.Element("jmeterTestPlan", version="1.2", properties="5.0")
    top = ElementTree.SubElement(root, "hashTree")
    _element(top, "TestPlan", "TestPlanGui", "dbtune mix")
    plan = ElementTree.SubElement(top, "hashTree")
    pool = _element(plan, "JDBCDataSource", "TestBeanGUI", "database")
    for name, value in (
        ("dataSource", "database"), ("dbUrl", "${__P(url)}"), ("driver", "org.postgresql.Driver"),
        ("username", "${__P(user)}"), ("password", "${__P(password)}"), ("autocommit", "true"),
        ("poolMax", "0"),
    ):  # fmt: skip
        _text(pool, name, value)
    ElementTree.SubElement(plan, "hashTree")
    _threads(plan)
    group = ElementTree.SubElement(plan, "hashTree")
    total = sum(s.weight for s in scripts)
    for script in scripts:
        _request(group, script, script.weight / total * 100)
    ElementTree.indent(root)
    xml = ElementTree.tostring(root, encoding="unicode", xml_declaration=False)
    return {
        "plan.jmx": f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}\n',
        "README.md": _README,
    }


def _threads(plan: ElementTree.Element) -> None:
    group = _element(plan, "ThreadGroup", "ThreadGroupGui", "clients")
    _text(group, "ThreadGroup.num_threads", "${__P(clients,10)}")
    _text(group, "ThreadGroup.ramp_time", "${__P(ramp,1)}")
    _text(group, "ThreadGroup.duration", "${__P(duration,60)}")
    _bool(group, "ThreadGroup.scheduler", True)
    loop = ElementTree.SubElement(
        group, "elementProp", name="ThreadGroup.main_controller", elementType="LoopController"
    )
    ElementTree.SubElement(loop, "intProp", name="LoopController.loops").text = "-1"


def _request(group: ElementTree.Element, script: Script, percent: float) -> None:
    controller = _element(group, "ThroughputController", "ThroughputControllerGui", script.name)
    ElementTree.SubElement(controller, "intProp", name="ThroughputController.style").text = "1"
    share = ElementTree.SubElement(controller, "FloatProperty")
    ElementTree.SubElement(share, "name").text = "ThroughputController.percentThroughput"
    ElementTree.SubElement(share, "value").text = f"{percent:.4f}"
    inner = ElementTree.SubElement(group, "hashTree")
    request = _element(inner, "JDBCSampler", "TestBeanGUI", script.name)
    body = "; ".join(script.statements)
    text = f"BEGIN; {body}; ROLLBACK" if script.writes else body
    _text(request, "dataSource", "database")
    _text(request, "queryType", "Update Statement" if script.writes else "Select Statement")
    # JMeter replaces ${…}; what merely looks like that must stay.
    _text(request, "query", text.replace("${", "$\\{"))
    ElementTree.SubElement(inner, "hashTree")


def _element(parent: ElementTree.Element, name: str, gui: str, title: str) -> ElementTree.Element:
    return ElementTree.SubElement(
        parent, name, guiclass=gui, testclass=name, testname=title, enabled="true"
    )


def _text(parent: ElementTree.Element, name: str, value: str) -> None:
    # XML has no place for most control characters, not even escaped.
    clean = "".join(c for c in value if c >= " " or c in "\n\t")
    ElementTree.SubElement(parent, "stringProp", name=name).text = clean


def _bool(parent: ElementTree.Element, name: str, value: bool) -> None:
    ElementTree.SubElement(parent, "boolProp", name=name).text = str(value).lower()
