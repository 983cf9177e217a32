import pandas as pd
import pytest


@pytest.fixture
def timetable():
    """Two weekly meetings, a virtual one at night, and an observation with its conference."""
    rows = [
        ("meeting", "T-1", "M-1", "T-1;M-1", "Mon", "07:30", "08:15", 45, "either", "", "", None),
        ("meeting", "T-2", "M-1", "T-2;M-1", "Wed", "15:30", "16:15", 45, "virtual", "", "", None),
        ("meeting", "T-3", "M-2", "T-3;M-2", "Sun", "23:15", "24:00", 45, "virtual", "", "", None),
        ("observation", "T-1", "M-1", "T-1;M-1", "Tue", "10:00", "10:45", 45, "", "M-1", "T-1", 3),
        ("conference", "T-1", "M-1", "T-1;M-1", "Tue", "12:00", "12:20", 20, "", "", "", 3),
    ]  # fmt: skip
    columns = "kind mentee mentor people day start end minutes modality observer observed week"
    return pd.DataFrame(rows, columns=columns.split())
