"""The nouns everyone shares: values, addresses, facts, tasks, claims, states, plans, errors. Pure."""
