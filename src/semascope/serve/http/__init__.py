"""What every route stands on: bodies with limits, errors in the dialect that is spoken, keys, headers, logs, figures."""
