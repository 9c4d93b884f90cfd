"""What is read but questioned, and above all what is not."""

from __future__ import annotations

import pytest

from electrode_bench.data.notation import read


@pytest.mark.parametrize(
    ("formula", "note"),
    [
        ("LiFePo4", "Po is polonium; did you mean LiFePO4?"),
        ("Li3Fe2(Po4)3", "Po is polonium; did you mean Li3Fe2(PO4)3?"),
        ("LiNo3", "No is nobelium; did you mean LiNO3?"),
        ("K2Fe2(Cn)6", "Cn is copernicium; did you mean K2Fe2(CN)6?"),
        ("LiOg", "Og is oganesson; it occurs in no known electrode"),
        ("Zn(Ac)2", "Ac is actinium; acetate is written CH3COO"),
        ("LiCOO2", "CO is carbon and oxygen; did you mean LiCoO2?"),
        ("COO2", "CO is carbon and oxygen; did you mean CoO2?"),
        ("LiNIO2", "NI is nitrogen and iodine; did you mean LiNiO2?"),
        ("LiNI0.5Mn1.5O4", "NI is nitrogen and iodine; did you mean LiNi0.5Mn1.5O4?"),
        ("LiCUO2", "CU is carbon and uranium; did you mean LiCuO2?"),
        ("LiNi0.8Mn0.1CO0.1O2", "CO is carbon and oxygen; did you mean LiNi0.8Mn0.1Co0.1O2?"),
        ("LiNI1/3Mn1/3CO1/3O2", "did you mean LiNi1/3Mn1/3Co1/3O2?"),
        ("LiCOPO4", "CO is carbon and oxygen; did you mean LiCoPO4?"),
        ("Li2COPO4F", "CO is carbon and oxygen; did you mean Li2CoPO4F?"),
        ("LiCsO2", None),
        ("Li2Co3", "Co is cobalt; did you mean Li2CO3?"),
        ("YbO3", "Yb is ytterbium; did you mean YBO3?"),
        ("KHf2", "Hf is hafnium; did you mean KHF2?"),
        ("Li4Ti5012", "Ti has 5012 atoms; did you mean Li4Ti5O12?"),
        ("LiMn204", "Mn has 204 atoms; did you mean LiMn2O4?"),
        ("FePO4·2H20", "H20 is 20 atoms of hydrogen; did you mean FePO4·2H2O?"),
        ("FePO4.2H20", "H20 is 20 atoms of hydrogen; did you mean FePO4·2H2O?"),
        ("FeIVO4", "IV is iodine and vanadium; leave oxidation states out"),
    ],
)
def test_probable_slip_is_read_and_questioned(formula: str, note: str | None) -> None:
    assert any(note in one for one in read(formula).notes) if note else read(formula).notes == ()


@pytest.mark.parametrize(
    "formula",
    """
    LiFePO4 FePO4 LiCoO2 CoO2 Li0.5CoO2 LiNiO2 LiMn2O4 LiNi0.8Mn0.1Co0.1O2 Li1.2Mn0.54Ni0.13Co0.13O2 Li4Ti5O12
    Li3V2(PO4)3 Na3V2(PO4)2F3 LiVPO4F LiCoPO4 Li2CoPO4F LiFeSO4F Li2FeSiO4 LiFeBO3 Li2MnO3 V2O5 MoS2 TiS2 WO3 Nb2O5
    Li2CO3 Na2CO3 NaHCO3 CaCO3 MgCO3 CoCO3 FeCO3 MnCO3 NiCO3 (NH4)2CO3 KHCO3 ZnCO3 PbCO3 Li2C2O4 Na2C2O4 FeC2O4
    Na3MnPO4CO3 Na3CoPCO7 Na3FePO4CO3 Li3CoCO3PO4 Co2(CO3)3 HCOOLi CH3COOLi Mg(CH3COO)2 LiC6H5O7 Li2C8H4O4 Co(CO)4
    LiNO3 Co(NO3)2 Na3N Li3N Li2.6Co0.4N Li7MnN4 CrN VN NbN ScN InN YN LiSCN NaSCN KSCN CuSCN Co(SCN)2
    KHF2 LiHF2 HfF4 HoF3 Ho2O3 HoPO4 Mg(OH)2 LiOH Co(OH)2 Ni(OH)2 NiOOH CoOOH FeOOH VOPO4 NbOPO4 LiNbO3 NbS2 SnO2 SnS
    SnS2 Li22Sn5 LiSn Li15Si4 Li22Si5 Li3Si AlSi Mg2Si Li3Bi LiIn InSb Cu6Sn5 CoSn2 Li2Sn5 NbB2 YB6 YB4 YBO3 YbB6 Yb2O3
    Cs2O CsO2 CsSnI3 CsPbBr3 OsO4 OsO2 OsS2 BiOF Bi2S3 PbSO4 CuF2 CuS Cu2S Cu3P LiCuO2 CuCl NiS NiF2 NiP2 SiO2 SiS2 SiC
    Li6PS5I Li6PS5Cl Li7P3S11 Li3PS4 Li3SI Li10GeP2S12 Li7La3Zr2O12 K2FeFe(CN)6 Na2Fe[Fe(CN)6].2H2O KNiFe(CN)6 LiPF6
    LiBF4 LiBH4 LiFSI LiC6 C60 BN BP BI3 SI2 CoSb3 CaCo5 YCo3 YCo5 LaCo13 Al5Co2 MgCo2 SmCo5 PuO2 UO2 NpO2 ThO2 Tc2O7
    Li20Ni8MnCoO20 AlZn9999 Li1000Fe999MgP1000O4000 CsH2PO4 CoSO4.7H2O CuSO4.5H2O MgCl2.6H2O
    """.split(),  # noqa: SIM905
)
def test_ordinary_compound_is_not_questioned(formula: str) -> None:
    assert read(formula).notes == ()
