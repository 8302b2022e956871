# An independent check of the results in base R: nothing but R 4 and its package stats.
#
#   Rscript check.R [readings.csv [predictions.csv]]
#
# It computes the results again from the raw answers, from the formulas below and by R's own functions, sets them beside
# the tables in tables/, and ends with "N quantities agree to 1e-8, M differ"; its exit status is 1 where any
# differs, or one that is drawn at random lies too far off.
# From the tables it takes the rules of the plan (tables/plan.csv) and the numbers that it compares; no number of theirs
# enters a computation.
# Without arguments it looks for readings.csv beside itself and in ../inputs/; predictions.csv is needed only where a
# network's answers are nowhere else.
#
# COVERED
#   which rows count   first showings only; a person's first answer, never the one given with a network's output in sight (but
#                      in the gains); complete sittings, the first of each seat, where the plan says so; missing answers wrong
#                      or left out; anchors weighted
#   accuracy.csv       readers, items, readings, answered, correct, accuracy and its interval
#   reader_accuracy.csv   right answers of every reader, their share, Wilson's interval
#   paired.csv, paired_units.csv   differences per survey or reader; paired t-test, interval, d_z and its exact interval,
#                      Hedges' g, Wilcoxon's test, Hodges-Lehmann shift, exact sign-flip test, Shapiro-Wilk, adjusted p
#   new_images.csv     two-way (reader and item) variance, Satterthwaite's df, t, p, interval, components, adjusted p
#   new_images.csv, new_images_methods.csv   simultaneous intervals and p of max-T, both bootstrap intervals, their standard error
#                      and p: drawn again here, other draws of another generator, and held against the tables within DRAWN_Z
#                      standard errors of both programs' draws; the section "Drawn at random" says what that can see and what not
#   equivalence.csv    two one-sided tests within the margin
#   networks.csv       difference and exact McNemar test
#   groups.csv, views.csv   two-way test, and Welch's or the paired t-test of the readers
#   assistance.csv, assistance_control.csv, assistance_difference.csv   gains with a network's output, of a second look alone,
#                      and the difference of the two: accuracies, both tests, margins, adjusted p
#   confusion.csv      counts, row per cents, and their intervals
#   agreement.csv, category_agreement.csv   Fleiss' kappa, Krippendorff's alpha, Gwet's AC1, agreement, standard errors
#   order_model.csv    view, period, carry-over and place: the average log odds ratios by R's own glm, with the two-way variance; how many
#                      readings and readers there are
# NOT COVERED
#   everything else that is drawn at random (bootstrap intervals of F1, kappa, agreement, calibration and teams; max-T of paired
#   tests and of classes), mixed models, U-statistic, Obuchowski-Rockette, Tango's and Newcombe's intervals, further tables of assisted reading and of anchors, agreement within readers, readers' answers about
#   themselves, kinds of images, calibration, times, changes within a block and between views, teams, error consistency, AUC, the Rasch model. docs/results/statistics.md of the program says what those are held to.

