"""Makes `aici/grammar/scripts.txt`, which characters are of which script, from the tables inside RE2:

    python tests/grammar/scripts_table.py

`unicodedata` does not know scripts. RE2 knows no list of their names: those of Unicode 17 stand here, and the ones that
the installed RE2 does not know yet are left out.
"""

from __future__ import annotations

from pathlib import Path

import re2

TABLE = Path(__file__).parents[2] / "aici" / "grammar" / "scripts.txt"

NAMES = """
Adlam Adlm;Ahom Ahom;Anatolian_Hieroglyphs Hluw;Arabic Arab;Armenian Armn;Avestan Avst;Balinese Bali;Bamum Bamu;
Bassa_Vah Bass;Batak Batk;Bengali Beng;Beria_Erfe Berf;Bhaiksuki Bhks;Bopomofo Bopo;Brahmi Brah;Braille Brai;
Buginese Bugi;Buhid Buhd;Canadian_Aboriginal Cans;Carian Cari;Caucasian_Albanian Aghb;Chakma Cakm;Cham Cham;
Cherokee Cher;Chorasmian Chrs;Common Zyyy;Coptic Copt;Cuneiform Xsux;Cypriot Cprt;Cypro_Minoan Cpmn;Cyrillic Cyrl;
Deseret Dsrt;Devanagari Deva;Dives_Akuru Diak;Dogra Dogr;Duployan Dupl;Egyptian_Hieroglyphs Egyp;Elbasan Elba;
Elymaic Elym;Ethiopic Ethi;Garay Gara;Georgian Geor;Glagolitic Glag;Gothic Goth;Grantha Gran;Greek Grek;Gujarati Gujr;
Gunjala_Gondi Gong;Gurmukhi Guru;Gurung_Khema Gukh;Han Hani;Hangul Hang;Hanifi_Rohingya Rohg;Hanunoo Hano;Hatran Hatr;
Hebrew Hebr;Hiragana Hira;Imperial_Aramaic Armi;Inherited Zinh;Inscriptional_Pahlavi Phli;Inscriptional_Parthian Prti;
Javanese Java;Kaithi Kthi;Kannada Knda;Katakana Kana;Kawi Kawi;Kayah_Li Kali;Kharoshthi Khar;Khitan_Small_Script Kits;
Khmer Khmr;Khojki Khoj;Khudawadi Sind;Kirat_Rai Krai;Lao Laoo;Latin Latn;Lepcha Lepc;Limbu Limb;Linear_A Lina;
Linear_B Linb;Lisu Lisu;Lycian Lyci;Lydian Lydi;Mahajani Mahj;Makasar Maka;Malayalam Mlym;Mandaic Mand;Manichaean Mani;
Marchen Marc;Masaram_Gondi Gonm;Medefaidrin Medf;Meetei_Mayek Mtei;Mende_Kikakui Mend;Meroitic_Cursive Merc;
Meroitic_Hieroglyphs Mero;Miao Plrd;Modi Modi;Mongolian Mong;Mro Mroo;Multani Mult;Myanmar Mymr;Nabataean Nbat;
Nag_Mundari Nagm;Nandinagari Nand;New_Tai_Lue Talu;Newa Newa;Nko Nkoo;Nushu Nshu;Nyiakeng_Puachue_Hmong Hmnp;Ogham Ogam;
Ol_Chiki Olck;Ol_Onal Onao;Old_Hungarian Hung;Old_Italic Ital;Old_North_Arabian Narb;Old_Permic Perm;Old_Persian Xpeo;
Old_Sogdian Sogo;Old_South_Arabian Sarb;Old_Turkic Orkh;Old_Uyghur Ougr;Oriya Orya;Osage Osge;Osmanya Osma;
Pahawh_Hmong Hmng;Palmyrene Palm;Pau_Cin_Hau Pauc;Phags_Pa Phag;Phoenician Phnx;Psalter_Pahlavi Phlp;Rejang Rjng;
Runic Runr;Samaritan Samr;Saurashtra Saur;Sharada Shrd;Shavian Shaw;Siddham Sidd;Sidetic Sidt;SignWriting Sgnw;
Sinhala Sinh;Sogdian Sogd;Sora_Sompeng Sora;Soyombo Soyo;Sundanese Sund;Sunuwar Sunu;Syloti_Nagri Sylo;Syriac Syrc;
Tagalog Tglg;Tagbanwa Tagb;Tai_Le Tale;Tai_Tham Lana;Tai_Viet Tavt;Tai_Yo Tayo;Takri Takr;Tamil Taml;Tangsa Tnsa;
Tangut Tang;Telugu Telu;Thaana Thaa;Thai Thai;Tibetan Tibt;Tifinagh Tfng;Tirhuta Tirh;Todhri Todr;Tolong_Siki Tols;
Toto Toto;Tulu_Tigalari Tutg;Ugaritic Ugar;Vai Vaii;Vithkuqi Vith;Wancho Wcho;Warang_Citi Wara;Yezidi Yezi;Yi Yiii;
Zanabazar_Square Zanb
"""


def characters() -> str:
    """Every character, in order."""
    return "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))


def ranges(script: str, every: str) -> list[tuple[int, int]] | None:
    """The first and last characters of the runs of a script within `every`; None if RE2 does not know it."""
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(rf"\p{{{script}}}+", options)
    except re2.error:
        return None
    return [(ord(found[0][0]), ord(found[0][-1])) for found in pattern.finditer(every)]


def table() -> str:
    """A line a script: its name, its short name, its characters in base 16."""
    lines, every = [], characters()
    for entry in NAMES.replace("\n", "").split(";"):
        runs = ranges(entry.split()[0], every)
        if runs is not None:
            shown = [f"{low:X}" if low == high else f"{low:X}-{high:X}" for low, high in runs]
            lines.append(" ".join([entry, *shown]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="ascii")
