"""The literature that the methods text cites, by short name; a report lists only what its own sentences cite."""

from __future__ import annotations

import re
from collections.abc import Iterable

REFERENCES = {
    "fisher": "Fisher RA. The Design of Experiments. Edinburgh: Oliver & Boyd; 1935.",
    "wilcoxon": "Wilcoxon F. Individual comparisons by ranking methods. Biometrics Bulletin 1945;1:80–83.",
    "hodges": "Hodges JL, Lehmann EL. Estimates of location based on rank tests. Ann Math Stat 1963;34:598–611.",
    "cumming": "Cumming G, Finch S. A primer on the understanding, use, and calculation of confidence intervals that are based"
    " on central and noncentral distributions. Educ Psychol Meas 2001;61:532–574.",
    "cameron": "Cameron AC, Gelbach JB, Miller DL. Robust inference with multiway clustering. J Bus Econ Stat"
    " 2011;29:238–249.",
    "satterthwaite": "Satterthwaite FE. An approximate distribution of estimates of variance components. Biometrics Bulletin"
    " 1946;2:110–114.",
    "gallas": "Gallas BD. One-shot estimate of MRMC variance: AUC. Acad Radiol 2006;13:353–362.",
    "chen": "Chen W, Wunderlich A, Petrick N, Gallas BD. Multireader multicase reader studies with binary agreement data:"
    " simulation, analysis, validation, and sizing. J Med Imaging 2014;1:031011.",
    "obuchowski": "Obuchowski NA, Rockette HE. Hypothesis testing of diagnostic accuracy for multiple readers and multiple"
    " tests: an ANOVA approach with dependent observations. Commun Stat Simul Comput 1995;24:285–308.",
    "hillis": "Hillis SL. A comparison of denominator degrees of freedom methods for multiple observer ROC analysis. Stat Med"
    " 2007;26:596–619.",
    "beiden": "Beiden SV, Wagner RF, Doi K, et al. Independent versus sequential reading in ROC studies of computer-assist"
    " modalities: analysis of components of variance. Acad Radiol 2002;9:1036–1043.",
    "schalekamp": "Schalekamp S, van Ginneken B, Schaefer-Prokop CM, Karssemeijer N. Influence of study design in receiver operating"
    " characteristics studies: sequential versus independent reading. J Med Imaging 2014;1:015501.",
    "schemmer": "Schemmer M, Kuehl N, Benz C, Bartos A, Satzger G. Appropriate reliance on AI advice: conceptualization and the effect"
    " of explanations. Proc Int Conf Intell User Interfaces 2023;28:410–422.",
    "bucinca": "Buçinca Z, Malaya MB, Gajos KZ. To trust or to think: cognitive forcing functions can reduce overreliance on AI in"
    " AI-assisted decision-making. Proc ACM Hum Comput Interact 2021;5(CSCW1):188.",
    "owen": "Owen AB. The pigeonhole bootstrap. Ann Appl Stat 2007;1:386–411.",
    "bates": "Bates D, Mächler M, Bolker B, Walker S. Fitting linear mixed-effects models using lme4. J Stat Softw"
    " 2015;67(1):1–48.",
    "westfall": "Westfall PH, Young SS. Resampling-Based Multiple Testing. New York: Wiley; 1993.",
    "holm": "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65–70.",
    "benjamini": "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to multiple"
    " testing. J R Stat Soc B 1995;57:289–300.",
    "wilson": "Wilson EB. Probable inference, the law of succession, and statistical inference. J Am Stat Assoc"
    " 1927;22:209–212.",
    "fleiss": "Fleiss JL. Measuring nominal scale agreement among many raters. Psychol Bull 1971;76:378–382.",
    "krippendorff": "Krippendorff K. Content Analysis: An Introduction to Its Methodology. 2nd ed. Thousand Oaks: Sage; 2004.",
    "gwet": "Gwet KL. Computing inter-rater reliability and its variance in the presence of high agreement. Br J Math Stat"
    " Psychol 2008;61:29–48.",
    "conger": "Conger AJ. Integration and generalization of kappas for multiple raters. Psychol Bull 1980;88:322–328.",
    "brennan": "Brennan RL, Prediger DJ. Coefficient kappa: some uses, misuses, and alternatives. Educ Psychol Meas"
    " 1981;41:687–699.",
    "cohen": "Cohen J. A coefficient of agreement for nominal scales. Educ Psychol Meas 1960;20:37–46.",
    "geirhos": "Geirhos R, Meding K, Wichmann FA. Beyond accuracy: quantifying trial-by-trial behaviour of CNNs and humans by"
    " measuring error consistency. Adv Neural Inf Process Syst 2020;33.",
    "mcnemar": "McNemar Q. Note on the sampling error of the difference between correlated proportions or percentages."
    " Psychometrika 1947;12:153–157.",
    "tango": "Tango T. Equivalence test and confidence interval for the difference in proportions for the paired-sample"
    " design. Stat Med 1998;17:891–908.",
    "schuirmann": "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power approach for assessing the"
    " equivalence of average bioavailability. J Pharmacokinet Biopharm 1987;15:657–680.",
    "mantel": "Mantel N, Haenszel W. Statistical aspects of the analysis of data from retrospective studies of disease. J Natl Cancer Inst"
    " 1959;22:719–748.",
    "liang": "Liang K-Y, Zeger SL. Longitudinal data analysis using generalized linear models. Biometrika 1986;73:13–22.",
    "guo": "Guo C, Pleiss G, Sun Y, Weinberger KQ. On calibration of modern neural networks. Proc Mach Learn Res"
    " 2017;70:1321–1330.",
    "brier": "Brier GW. Verification of forecasts expressed in terms of probability. Mon Weather Rev 1950;78:1–3.",
    "broecker": "Bröcker J, Smith LA. Increasing the reliability of reliability diagrams. Weather Forecast 2007;22:651–661.",
    "elyaniv": "El-Yaniv R, Wiener Y. On the foundations of noise-free selective classification. J Mach Learn Res"
    " 2010;11:1605–1641.",
    "rasch": "Rasch G. Probabilistic Models for Some Intelligence and Attainment Tests. Copenhagen: Danish Institute for"
    " Educational Research; 1960.",
    "bock": "Bock RD, Aitkin M. Marginal maximum likelihood estimation of item parameters: application of an EM algorithm."
    " Psychometrika 1981;46:443–459.",
    "zhou": "Zhou S, Gordon ML, Krishna R, et al. HYPE: a benchmark for human eye perceptual evaluation of generative models."
    " Adv Neural Inf Process Syst 2019;32.",
    "hautus": "Hautus MJ. Corrections for extreme proportions and their biasing effects on estimated values of d'. Behav Res"
    " Methods Instrum Comput 1995;27:46–51.",
    "christensen": "Christensen RHB. ordinal: regression models for ordinal data. R package; 2019.",
    "stardai": "Sounderajah V, Guni A, Liu X, et al. The STARD-AI reporting guideline for diagnostic accuracy studies using"
    " artificial intelligence. Nat Med 2025;31:3283–3289.",
    "tripodai": "Collins GS, Moons KGM, Dhiman P, et al. TRIPOD+AI statement: updated guidance for reporting clinical"
    " prediction models that use regression or machine learning methods. BMJ 2024;385:e078378.",
    "claim": "Tejani AS, Klontzas ME, Gatti AA, et al. Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024"
    " update. Radiol Artif Intell 2024;6:e240300.",
    "grras": "Kottner J, Audigé L, Brorson S, et al. Guidelines for Reporting Reliability and Agreement Studies (GRRAS) were"
    " proposed. J Clin Epidemiol 2011;64:96–106.",
}
YEAR = re.compile(r"\b(19|20)\d\d\b")
MARK = re.compile(r"\s*\[\[([a-z, ]+)\]\]")


def numbered(sentences: Iterable[str]) -> tuple[list[str], list[str]]:
    """Sentences with their [[names]] turned into numbers by first use, and the list of references in that order."""
    order: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        names = [name.strip() for name in match.group(1).split(",")]
        return " [" + ", ".join(str(order.setdefault(name, len(order) + 1)) for name in names) + "]"

    written = [MARK.sub(number, sentence) for sentence in sentences]
    return written, [REFERENCES[name] for name in order]


def named(sentences: Iterable[str]) -> list[str]:
    """Sentences with their [[names]] turned into authors and years, for a text without a list of references."""

    def author(match: re.Match[str]) -> str:
        entries = [REFERENCES[name.strip()] for name in match.group(1).split(",")]
        found = [f"{entry.split(' ', 1)[0].rstrip(',')} {YEAR.search(entry).group()}" for entry in entries]
        return f" ({'; '.join(found)})"

    return [MARK.sub(author, sentence) for sentence in sentences]
