"""What every JSON format needs: columns, timestamps, camelCase, lenient decoding, decode errors."""
