"""Prints the families that prometheus_client reads from a file, as JSON: `parse.py text|openmetrics FILE`."""
import json
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

parse = {"text": text, "openmetrics": openmetrics}[sys.argv[1]]
with open(sys.argv[2], encoding="utf8") as file:
    families = list(parse(file.read()))
json.dump([[f.name, f.type, f.documentation, [[s.name, s.labels, float(s.value)] for s in f.samples]] for f in families], sys.stdout)
