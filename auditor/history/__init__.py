"""The reports of a folder as one history: on which days each rule was met, broken or unknown for each subject."""
