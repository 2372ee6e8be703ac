/* lib/sql/types/timezone_abbreviations.h: PostgreSQL 15's abbreviations of time zones in its
 * default set, in order: pg_timezone_abbrevs says the same. */
#ifndef LINERA_SQL_TYPES_TIMEZONE_ABBREVIATIONS_H
#define LINERA_SQL_TYPES_TIMEZONE_ABBREVIATIONS_H

/* X(name, seconds east of UTC, is daylight saving time) */
// clang-format off
#define TIME_ZONE_ABBREVIATIONS(X) \
    X(ACDT, 37800, true) X(ACSST, 37800, true) X(ACST, 34200, false) X(ACT, -18000, false) \
    X(ACWST, 31500, false) X(ADT, -10800, true) X(AEDT, 39600, true) X(AESST, 39600, true) \
    X(AEST, 36000, false) X(AFT, 16200, false) X(AKDT, -28800, true) X(AKST, -32400, false) \
    X(ALMST, 25200, true) X(ALMT, 21600, false) X(AMST, 14400, false) X(AMT, -14400, false) \
    X(ANAST, 43200, false) X(ANAT, 43200, false) X(ARST, -10800, false) X(ART, -10800, false) \
    X(AST, -14400, false) X(AWSST, 32400, true) X(AWST, 28800, false) X(AZOST, 0, true) \
    X(AZOT, -3600, false) X(AZST, 14400, false) X(AZT, 14400, false) X(BDST, 7200, true) \
    X(BDT, 21600, false) X(BNT, 28800, false) X(BORT, 28800, false) X(BOT, -14400, false) \
    X(BRA, -10800, false) X(BRST, -7200, true) X(BRT, -10800, false) X(BST, 3600, true) \
    X(BTT, 21600, false) X(CADT, 37800, true) X(CAST, 34200, false) X(CCT, 28800, false) \
    X(CDT, -18000, true) X(CEST, 7200, true) X(CET, 3600, false) X(CETDST, 7200, true) \
    X(CHADT, 49500, true) X(CHAST, 45900, false) X(CHUT, 36000, false) X(CKT, -36000, false) \
    X(CLST, -10800, true) X(CLT, -10800, true) X(COT, -18000, false) X(CST, -21600, false) \
    X(CXT, 25200, false) X(DAVT, 25200, false) X(DDUT, 36000, false) X(EASST, -18000, true) \
    X(EAST, -18000, true) X(EAT, 10800, false) X(EDT, -14400, true) X(EEST, 10800, true) \
    X(EET, 7200, false) X(EETDST, 10800, true) X(EGST, 0, true) X(EGT, -3600, false) \
    X(EST, -18000, false) X(FET, 10800, false) X(FJST, 46800, true) X(FJT, 43200, false) \
    X(FKST, -10800, false) X(FKT, -10800, false) X(FNST, -3600, true) X(FNT, -7200, false) \
    X(GALT, -21600, false) X(GAMT, -32400, false) X(GEST, 14400, false) X(GET, 14400, false) \
    X(GFT, -10800, false) X(GILT, 43200, false) X(GMT, 0, false) X(GYT, -14400, false) \
    X(HKT, 28800, false) X(HST, -36000, false) X(ICT, 25200, false) X(IDT, 10800, true) \
    X(IOT, 21600, false) X(IRKST, 28800, false) X(IRKT, 28800, false) X(IRT, 12600, false) \
    X(IST, 7200, false) X(JAYT, 32400, false) X(JST, 32400, false) X(KDT, 36000, true) \
    X(KGST, 21600, true) X(KGT, 21600, false) X(KOST, 39600, false) X(KRAST, 25200, false) \
    X(KRAT, 25200, false) X(KST, 32400, false) X(LHDT, 39600, true) X(LHST, 37800, false) \
    X(LIGT, 36000, false) X(LINT, 50400, false) X(LKT, 19800, false) X(MAGST, 39600, false) \
    X(MAGT, 39600, false) X(MART, -34200, false) X(MAWT, 18000, false) X(MDT, -21600, true) \
    X(MEST, 7200, true) X(MESZ, 7200, true) X(MET, 3600, false) X(METDST, 7200, true) \
    X(MEZ, 3600, false) X(MHT, 43200, false) X(MMT, 23400, false) X(MPT, 36000, false) \
    X(MSD, 14400, true) X(MSK, 10800, false) X(MST, -25200, false) X(MUST, 18000, true) \
    X(MUT, 14400, false) X(MVT, 18000, false) X(MYT, 28800, false) X(NDT, -9000, true) \
    X(NFT, -12600, false) X(NOVST, 25200, false) X(NOVT, 25200, false) X(NPT, 20700, false) \
    X(NST, -12600, false) X(NUT, -39600, false) X(NZDT, 46800, true) X(NZST, 43200, false) \
    X(NZT, 43200, false) X(OMSST, 21600, false) X(OMST, 21600, false) X(PDT, -25200, true) \
    X(PET, -18000, false) X(PETST, 43200, false) X(PETT, 43200, false) X(PGT, 36000, false) \
    X(PHT, 28800, false) X(PKST, 21600, true) X(PKT, 18000, false) X(PMDT, -7200, true) \
    X(PMST, -10800, false) X(PONT, 39600, false) X(PST, -28800, false) X(PWT, 32400, false) \
    X(PYST, -10800, true) X(PYT, -10800, false) X(RET, 14400, false) X(SADT, 37800, true) \
    X(SAST, 7200, false) X(SCT, 14400, false) X(SGT, 28800, false) X(TAHT, -36000, false) \
    X(TFT, 18000, false) X(TJT, 18000, false) X(TKT, 46800, false) X(TMT, 18000, false) \
    X(TOT, 46800, false) X(TRUT, 36000, false) X(TVT, 43200, false) X(UCT, 0, false) \
    X(ULAST, 32400, true) X(ULAT, 28800, false) X(UT, 0, false) X(UTC, 0, false) \
    X(UYST, -7200, true) X(UYT, -10800, false) X(UZST, 21600, true) X(UZT, 18000, false) \
    X(VET, -14400, false) X(VLAST, 36000, false) X(VLAT, 36000, false) X(VOLT, 10800, false) \
    X(VUT, 39600, false) X(WADT, 28800, true) X(WAKT, 43200, false) X(WAST, 25200, false) \
    X(WAT, 3600, false) X(WDT, 32400, true) X(WET, 0, false) X(WETDST, 3600, true) \
    X(WFT, 43200, false) X(WGST, -7200, true) X(WGT, -10800, false) X(XJT, 21600, false) \
    X(YAKST, 32400, false) X(YAKT, 32400, false) X(YAPT, 36000, false) X(YEKST, 21600, true) \
    X(YEKT, 18000, false) X(Z, 0, false) X(ZULU, 0, false)
// clang-format on

#endif
