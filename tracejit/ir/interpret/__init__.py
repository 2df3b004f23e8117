"""What IR means, executed with NumPy: functions, programs, and what they print."""
