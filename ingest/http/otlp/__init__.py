"""The receiver of OpenTelemetry traces: OTLP over HTTP."""
