"""What a verb found, as data: printed, as JSON, as a data frame, or as one HTML page that loads nothing."""

from semascope.report.chart import Curve, chart
from semascope.report.findings import Finding, Report, Table
from semascope.report.modules import MAP, plain_script, shared_script
from semascope.report.page import page

__all__ = ["MAP", "Curve", "Finding", "Report", "Table", "chart", "page", "plain_script", "shared_script"]
