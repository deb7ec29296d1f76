"""The read side of Tallybook: questions, answers, the read API, the dashboard."""
