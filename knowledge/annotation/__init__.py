"""Reading reports: which concepts does a report say are present, absent, or leave open?"""
