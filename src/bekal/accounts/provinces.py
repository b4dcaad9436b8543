"""The 38 provinces of Indonesia by the code of the Ministry of Home Affairs: the two digits a NIK begins with.

Statistics Indonesia (BPS) counts otherwise in Papua, and nowhere else: its 91 is Papua Barat and its 94 Papua, here 92
and 91. Source of codes and names: decision 100.1.1-6117 of the minister of home affairs, 2022.
"""

PROVINCES: dict[int, str] = {
    11: "Aceh",
    12: "Sumatera Utara",
    13: "Sumatera Barat",
    14: "Riau",
    15: "Jambi",
    16: "Sumatera Selatan",
    17: "Bengkulu",
    18: "Lampung",
    19: "Kepulauan Bangka Belitung",
    21: "Kepulauan Riau",
    31: "DKI Jakarta",
    32: "Jawa Barat",
    33: "Jawa Tengah",
    34: "DI Yogyakarta",
    35: "Jawa Timur",
    36: "Banten",
    51: "Bali",
    52: "Nusa Tenggara Barat",
    53: "Nusa Tenggara Timur",
    61: "Kalimantan Barat",
    62: "Kalimantan Tengah",
    63: "Kalimantan Selatan",
    64: "Kalimantan Timur",
    65: "Kalimantan Utara",
    71: "Sulawesi Utara",
    72: "Sulawesi Tengah",
    73: "Sulawesi Selatan",
    74: "Sulawesi Tenggara",
    75: "Gorontalo",
    76: "Sulawesi Barat",
    81: "Maluku",
    82: "Maluku Utara",
    91: "Papua",
    92: "Papua Barat",
    93: "Papua Selatan",
    94: "Papua Tengah",
    95: "Papua Pegunungan",
    96: "Papua Barat Daya",
}
# The four provinces of 2022 and the one each was taken out of: 93 to 95 exist since 25 July (laws 14, 15 and 16 of
# 2022), 96 since 8 December 2022 (law 29). Whoever registered before lives in the older one, and so says the NIK.
TAKEN_OUT_OF: dict[int, int] = {93: 91, 94: 91, 95: 91, 96: 92}

# Other usual spellings. Capitals, full stops and blanks make no difference (`province_code`).
PROVINCE_ALIASES: dict[str, int] = {
    "Nanggroe Aceh Darussalam": 11,
    "NAD": 11,
    "Sumut": 12,
    "North Sumatra": 12,
    "Sumbar": 13,
    "West Sumatra": 13,
    "Sumsel": 16,
    "South Sumatra": 16,
    "Bangka Belitung": 19,
    "Kep. Bangka Belitung": 19,
    "Babel": 19,
    "Kep. Riau": 21,
    "Kepri": 21,
    "Riau Islands": 21,
    "Jakarta": 31,
    "Daerah Khusus Ibukota Jakarta": 31,
    "Daerah Khusus Jakarta": 31,
    "DKJ": 31,
    "DKI": 31,
    "Jabar": 32,
    "West Java": 32,
    "Jateng": 33,
    "Central Java": 33,
    "Yogyakarta": 34,
    "Daerah Istimewa Yogyakarta": 34,
    "D.I. Yogyakarta": 34,
    "DIY": 34,
    "Jatim": 35,
    "East Java": 35,
    "NTB": 52,
    "West Nusa Tenggara": 52,
    "NTT": 53,
    "East Nusa Tenggara": 53,
    "Kalbar": 61,
    "West Kalimantan": 61,
    "Kalteng": 62,
    "Central Kalimantan": 62,
    "Kalsel": 63,
    "South Kalimantan": 63,
    "Kaltim": 64,
    "East Kalimantan": 64,
    "Kaltara": 65,
    "North Kalimantan": 65,
    "Sulut": 71,
    "North Sulawesi": 71,
    "Sulteng": 72,
    "Central Sulawesi": 72,
    "Sulsel": 73,
    "South Sulawesi": 73,
    "Sultra": 74,
    "Southeast Sulawesi": 74,
    "Sulbar": 76,
    "West Sulawesi": 76,
    "Malut": 82,
    "North Maluku": 82,
    "West Papua": 92,
    "South Papua": 93,
    "Central Papua": 94,
    "Highland Papua": 95,
    "Southwest Papua": 96,
}


def _folded(name: str) -> str:
    """A name without what writers differ in: capitals, full stops, blanks, the word for province in front."""
    return "".join(name.replace(".", " ").casefold().split()).removeprefix("provinsi")


_CODES_BY_NAME: dict[str, int] = {_folded(name): code for name, code in PROVINCE_ALIASES.items()} | {
    _folded(name): code for code, name in PROVINCES.items()
}


def province_code(text: str) -> int | None:
    """The code of a province written as code, name or usual other spelling; None for anything else."""
    bare = text.strip()
    if bare.isascii() and bare.isdigit():
        return int(bare) if len(bare) == 2 and int(bare) in PROVINCES else None
    return _CODES_BY_NAME.get(_folded(bare))


def are_neighbours_of_2022(one: int, other: int) -> bool:
    """Whether one of two provinces was taken out of the other in 2022: papers of before and after name both."""
    return TAKEN_OUT_OF.get(one) == other or TAKEN_OUT_OF.get(other) == one
