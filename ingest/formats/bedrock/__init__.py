"""Amazon Bedrock's Converse bodies and invocation logs."""
