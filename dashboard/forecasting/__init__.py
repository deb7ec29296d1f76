"""Statistics of daily series: seasonality, anomalies, forecasts. Knows no rule and no budget."""
