"""The units that answers use: symbol, what they measure in base units of the SI, exact factor, and further names."""

PREFIXED = """
m        m                1                      meter metre
g        kg               0.001                  gram gramme
s        s                1                      second sec
A        A                1                      ampere amp
mol      mol              1                      mole
N        kg*m/s^2         1                      newton
J        kg*m^2/s^2       1                      joule
W        kg*m^2/s^3       1                      watt
Pa       kg/m/s^2         1                      pascal
V        kg*m^2/s^3/A     1                      volt
C        A*s              1                      coulomb
Hz       1/s              1                      hertz
Ω        kg*m^2/s^3/A^2   1                      ohm
F        A^2*s^4/kg/m^2   1                      farad
K        K                1                      kelvin
T        kg/s^2/A         1                      tesla
H        kg*m^2/s^2/A^2   1                      henry
Wb       kg*m^2/s^2/A     1
eV       kg*m^2/s^2       1.602176634E-19        electronvolt
L        m^3              0.001                  liter litre
l        m^3              0.001
cal      kg*m^2/s^2       4.184
bar      kg/m/s^2         100000
M        mol/m^3          1000                   molar
rad      -                1                      radian
dyn      kg*m/s^2         0.00001                dyne
erg      kg*m^2/s^2       1E-7
pc       m                30856775814913673
"""
"""Units that take the prefixes of the SI."""

PLAIN = """
min      s                60                     minute
h        s                3600                   hour hr
day      s                86400                  d
week     s                604800
year     s                31557600               yr
inch     m                0.0254                 in inches
ft       m                0.3048                 foot feet
yd       m                0.9144                 yard
mile     m                1609.344               mi
lb       kg               0.45359237             pound lbs
oz       kg               0.028349523125         ounce
tonne    kg               1000                   ton
atm      kg/m/s^2         101325                 atmosphere
Å        m                1E-10                  angstrom
torr     kg/m/s^2         101325/760             mmhg
u        kg               1.6605390666E-27       amu
acre     m^2              4046.8564224
hectare  m^2              10000                  ha
mph      m/s              0.44704
gallon   m^3              0.003785411784         gal
°        angle            1                      degree deg
°C       celsius          1                      celsius
°F       fahrenheit       1                      fahrenheit
%        percent          1                      percent percentage pct
knot     m/s              1852/3600
dollar   dollar           1                      usd buck
cent     dollar           0.01                   ¢
euro     euro             1
yuan     yuan             1                      rmb
yen      yen              1
rupee    rupee            1
AU       m                149597870700
ly       m                9460730472580800       light-year
rev      turn             1                      revolution
rpm      turn/s           1/60
psi      kg/m/s^2         6894.757293168
lbf      kg*m/s^2         4.448221615            lb-f
kPA      kg/m/s^2         1000
KJ       kg*m^2/s^2       1000                   kj
month    s                2629800                mo
slug     kg               14.59390294
N·m      kg*m^2/s^2       1                      n·m
hp       kg*m^2/s^3       745.699872             horsepower
gbp      pound            1                      pound_sterling
"""
"""Units that take none; currencies, angles, percentages and the scales of temperature measure themselves."""

COUNTED = ("photon", "electron", "particle", "molecule", "atom", "ion", "cycle", "count")
"""What is counted in physics: a pure number."""

PREFIXES = {
    "": 0, "f": -15, "p": -12, "n": -9, "μ": -6, "u": -6, "m": -3, "c": -2, "d": -1, "k": 3, "M": 6, "G": 9, "T": 12,
}  # fmt: skip
PREFIX_WORDS = {
    "femto": -15, "pico": -12, "nano": -9, "micro": -6, "milli": -3, "centi": -2, "deci": -1, "kilo": 3, "mega": 6,
    "giga": 9, "tera": 12,
}  # fmt: skip

LONG_NAMES = {
    "light years": "ly", "light year": "ly", "light-years": "ly", "light-year": "ly", "electron volts": "eV",
    "electron volt": "eV", "pounds sterling": "gbp", "pound sterling": "gbp", "ft-lb": "ft*lbf",
    "foot-pounds": "ft*lbf", "foot-pound": "ft*lbf", "degrees celsius": "°C", "degree celsius": "°C",
    "degrees fahrenheit": "°F", "degree fahrenheit": "°F", "degrees kelvin": "K",
}  # fmt: skip
"""Names of several words, and what they are short for."""

POWER_WORDS = {"square": 2, "squared": 2, "sq": 2, "cubic": 3, "cubed": 3, "cu": 3}
