"""Whether a challenger may take the champion's place: evidence, comparison, rules, verdict."""
