# An independent check of a rating study's results in base R: nothing but R 4 and its package stats.
#
#   Rscript check.R [ratings.csv [cells.csv]]
#
# It computes the results again from the raw answers, from the formulas below and by R's own functions, sets them beside
# the tables in tables/, and ends with "N quantities agree to 1e-8, M differ"; its exit status is 1 where any
# differs, or one that is drawn at random lies too far off.
# From the tables it takes the rules of the plan (tables/plan.csv) and the numbers that it compares; no number of theirs
# enters a computation.
# Without arguments it looks for ratings.csv beside itself and in ../inputs/. That is the table of the analysis, in which sides and
# directions are those of the stimulus. The table as exported from the site (with the columns rater, item, value) is taken,
# too: then sides, directions, frames and marks are turned here, and the cells of grids are read from cells.csv where it is given.
#
# COVERED
#   which rows count   first showings of rated stimuli; second showings and catches only in the tables about them
#   hype.csv           error, both components, d' and criterion with the log-linear correction, two-way (rater and image)
#                      standard error, Satterthwaite's df, test against one half, two one-sided tests within the margin; the five
#                      intervals, which are drawn at random, against as many draws of R's own
#   evaluators.csv     error of every rater, exact binomial test, d' and criterion, adjusted p
#   scales.csv, class_scales.csv   mean ratings (realism by class) with two-way interval, quartiles
#   choices.csv        pairs and directions: share right, interval, tests, d' = sqrt(2) z
#   class_reality.csv, named_classes.csv, marks.csv   shares with their intervals; every cell of a grid is an image of its own
#   strips.csv         morphs beside their controls: direction, smoothness, faults, place of the first fault
#   rating_agreement.csv   Krippendorff's alpha (nominal, ordinal), Fleiss' kappa, Gwet's AC1, agreement; intervals against R's own draws
#   self_agreement.csv repeats: share of equal answers, alpha, mean change
#   catches.csv, pace.csv, pictures.csv   every rater and every image: counts, shares, Wilson's interval, means, times
# NOT COVERED
#   the mixed models (reality_models.csv, scale_models.csv): base R fits none with crossed effects. An interval drawn at random has
#   no digits to agree in: each of its bounds must lie where R's own draws put it, within what the numbers of draws leave open.
#   docs/results/statistics.md of the program says what the rest is held to.

