"""What every JSON format needs: lenient decoding, timestamps, redaction."""
