"""How well the tests watch the code that keeps identity and money: branch coverage and mutation testing."""
