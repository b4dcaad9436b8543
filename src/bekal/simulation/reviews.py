"""What simulated people write of a training: short, and in keeping with the stars they give."""

OPENINGS = {
    5: (
        "Sangat bermanfaat",
        "Bagus sekali",
        "Puas dengan pelatihannya",
        "Materinya lengkap",
        "Pengajarnya sabar dan jelas",
    ),
    4: ("Bermanfaat", "Materinya bagus", "Pengajarnya jelas", "Cukup lengkap", "Saya jadi lebih paham"),
    3: ("Lumayan", "Cukup untuk pemula", "Materinya biasa saja", "Ada yang berguna", "Isinya cukup"),
    2: ("Kurang sesuai harapan", "Materinya terlalu singkat", "Penjelasannya terlalu cepat", "Kurang praktik"),
    1: ("Kecewa", "Tidak sesuai judul", "Sulit diikuti"),
}
DETAILS = {
    5: (
        "langsung saya praktikkan di rumah.",
        "sekarang saya berani menerima pesanan.",
        "contohnya dekat dengan pekerjaan sehari-hari.",
        "videonya bisa diulang sampai paham.",
        "semua pertanyaan dijawab.",
        "saya sudah mengajak teman untuk ikut.",
    ),
    4: (
        "hanya latihannya bisa ditambah.",
        "urutannya mudah diikuti.",
        "semoga ada kelas lanjutannya.",
        "suara videonya kadang kecil, tetapi isinya jelas.",
        "tugasnya membuat saya benar-benar mencoba.",
    ),
    3: (
        "perlu lebih banyak contoh.",
        "sebagian sudah saya ketahui.",
        "waktunya agak singkat.",
        "praktiknya masih kurang.",
    ),
    2: ("perlu contoh yang lebih nyata.", "jadwalnya sering bergeser.", "pertanyaan saya lama dijawab."),
    1: ("videonya sering putus.", "isinya sangat sedikit untuk harganya."),
}


def review_text(rating: int, drawn: float) -> str:
    """A sentence for these stars; `drawn` (0 to 1) says which."""
    openings, details = OPENINGS[rating], DETAILS[rating]
    number = min(int(drawn * len(openings) * len(details)), len(openings) * len(details) - 1)
    opening, detail = divmod(number, len(details))
    return f"{openings[opening]}, {details[detail]}"
