"""Realistic synthetic districts: the pools that tests, examples and benchmarks run on.

Nobody in these tables exists. People work in schools with a bell schedule; the school decides the
grades, mostly the subjects and the preparation periods; the subject colours skills and style;
heads of department evaluate the novices of their own school. A share of the cells is blank, and
blanks gather with the people who skipped the survey, as they do in real sheets.
"""

from pairmatch.datasets.tables import District, district, staff

__all__ = ["District", "district", "staff"]
