"""The receiver of OpenTelemetry's traces: OTLP over HTTP, as every SDK and collector sends it."""
