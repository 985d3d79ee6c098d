"""Random expressions over random series, asked of Murmuration and of Prometheus, and compared."""
