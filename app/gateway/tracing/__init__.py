"""Traces of streams and uploads, by OpenTelemetry, where they are on.

`starting` decides that by the settings; `spans` and `export` import OpenTelemetry and are imported
by it alone, so that a gateway without traces neither needs nor loads it. `names` lists the spans.
"""
