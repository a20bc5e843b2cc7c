"""The report as one HTML page: no request, readable without script."""
