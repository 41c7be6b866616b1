"""What relay reports about itself: metrics, health, systemd."""
