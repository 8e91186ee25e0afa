"""How a Tektronix oscilloscope may write samples: the words of DATa:ENCdg (TMD), by their short forms."""

from __future__ import annotations

ENCODINGS = (
    "ASCIi", "RIBinary", "RPBinary", "SRIbinary", "SRPbinary", "FAStest", "SFAStest", "FPBinary", "SFPbinary",
)  # fmt: skip
FLOATS = {"FPB": ">f4", "SFP": "<f4"}  # volts, four bytes each, whatever WIDth says
SIGNED = {
    "FPB": True, "SFP": True, "ASCI": True, "RIB": True, "RPB": False, "SRI": True, "SRP": False, "FAS": True,
    "SFAS": True,
}  # fmt: skip
BIG_ENDIAN = {
    "FPB": True, "SFP": False, "ASCI": True, "RIB": True, "RPB": True, "SRI": False, "SRP": False, "FAS": True,
    "SFAS": False,
}  # fmt: skip
