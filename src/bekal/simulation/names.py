"""Plausible Indonesian names for people who do not exist."""

WOMEN = (
    "Siti Ayu Dewi Sri Rina Nur Putri Indah Wulan Lestari Fitri Ratna Maya Yuni Rini Dian Eka Novi Sari Intan Mega Tuti "
    "Endang Lina Nia Ani Wati Yanti Rahma Aisyah Fatimah Zahra Nabila Salma Citra Bunga Kartika Melati Anggun Desi Vina "
    "Tika Laila Hana Widya Nadia Rosa Maria Kristina Made Ketut Luh Wayan Martha Yuliana Elisabeth Agustina Debora Ester"
).split()
MEN = (
    "Ahmad Muhammad Budi Agus Eko Joko Andi Dedi Rudi Hendra Bambang Slamet Wahyu Arif Rizki Fajar Bayu Dwi Tri Adi Yoga "
    "Rahmat Hasan Husein Ali Umar Iwan Irwan Yudi Dimas Reza Ilham Galih Teguh Sigit Aji Bagus Surya Imam Taufik Fauzi "
    "Yusuf Ibrahim Ridwan Asep Ujang Made Ketut Wayan Nyoman Yohanes Markus Petrus Daniel Samuel Stefanus Frans Melki"
).split()
SECOND = (
    "Rahayu Santoso Wijaya Kusuma Pratama Saputra Hidayat Nugroho Setiawan Susanto Hartono Gunawan Kurniawan Purnomo "
    "Wibowo Utomo Suryadi Maulana Ramadhan Firmansyah Siregar Nasution Lubis Harahap Simanjuntak Sitorus Ginting "
    "Sembiring Tarigan Tanjung Chaniago Sikumbang Hasibuan Pohan Daulay Manurung Situmorang Panjaitan Rangkuti Batubara "
    "Lestari Anggraini Puspita Permata Safitri Handayani Astuti Oktaviani Maharani Cahyani Rusdi Basri Tahir Syam Latif "
    "Daeng Mappasessu Rumbiak Wenda Kogoya Tabuni Yoku Waromi Manuhutu Pattiasina Latuconsina Sahetapy Tuasikal Lating "
    "Suparman Sutrisno Suryani Mulyani Mulyadi Supriyadi Sudirman Iskandar Abdullah Rahman Hakim Malik Zulkarnain Effendi"
).split()

PLACEHOLDER_DOMAIN = "surel.example"
