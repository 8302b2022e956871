# An independent check of the results in base R: nothing but R 4 and its package stats.
#
#   Rscript check.R [readings.csv [predictions.csv]]
#
# It computes the results again from the raw answers, from the formulas below and by R's own functions, sets them beside
# the tables in tables/, and ends with "N quantities agree to 1e-8, M differ"; its exit status is 1 where any differs, or a drawn one lies too far off.
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
#   new_images.csv, new_images_methods.csv   simultaneous intervals and p of max-T, both bootstrap intervals, their standard error and p:
#                      drawn again here, other draws of another generator, and held against the tables within DRAWN_Z standard
#                      errors of both programs' draws; see the section "Drawn at random" for what that can see and what not
#   equivalence.csv    two one-sided tests within the margin
#   networks.csv       difference and exact McNemar test
#   groups.csv, views.csv   two-way test, and Welch's or the paired t-test of the readers
#   assistance.csv, assistance_control.csv, assistance_difference.csv   gains with a network's output, of a second look alone,
#                      and the difference of the two: accuracies, both tests, margins, adjusted p
#   confusion.csv      counts, row per cents, and their intervals
#   agreement.csv, category_agreement.csv   Fleiss' kappa, Krippendorff's alpha, Gwet's AC1, agreement, standard errors
# NOT COVERED
#   everything else that is drawn at random (bootstrap intervals of F1, kappa, agreement, calibration and teams; max-T of paired tests
#   and of classes), mixed models, U-statistic, Obuchowski-Rockette, Tango's and
#   Newcombe's intervals, further tables of assisted reading and of anchors, agreement within readers, readers' answers about
#   themselves, calibration, times, order, teams, error consistency, AUC, the Rasch model. docs/results/statistics.md of the program says what those are held to.

TOLERANCE <- 1e-8

# ---- Tables: every cell as text, exactly as it stands ------------------------------------------------------------------

read_table <- function(path) {
  found <- read.csv(path, colClasses = "character", na.strings = character(0), check.names = FALSE, encoding = "UTF-8",
                    comment.char = "")
  mark <- charToRaw(names(found)[1])                                  # some programs begin UTF-8 files with a mark
  if (identical(mark[1:3], as.raw(c(0xef, 0xbb, 0xbf)))) names(found)[1] <- gsub('"', "", rawToChar(mark[-(1:3)]))
  found[] <- lapply(found, trimws, whitespace = "[\\h\\v]")
  found[rowSums(found != "") > 0, , drop = FALSE]
}
# An empty cell is NA: not estimable. A yes is 1, a no 0.
numbers <- function(text) suppressWarnings(as.numeric(ifelse(text == "True", "1", ifelse(text == "False", "0", text))))
# Tables put an apostrophe before a name that a spreadsheet would take for a formula.
as_told <- function(name) ifelse(grepl("^[-=+@\t\r]", name), paste0("'", name), name)
codes <- function(x) match(x, unique(x))

instant <- function(text) {                                           # ISO 8601 to seconds since 1970, UTC
  pattern <- "^(\\d{4})-?(\\d\\d)-?(\\d\\d)(?:[T ](\\d\\d):?(\\d\\d)?(?::?(\\d\\d(?:[.,]\\d+)?))?)?(Z|[+-]\\d\\d:?(?:\\d\\d)?)?$"
  vapply(regmatches(text, regexec(pattern, text, perl = TRUE)), function(m) {
    if (!length(m)) return(NA_real_)
    part <- ifelse(m[5:7] == "", 0, numbers(sub(",", ".", m[5:7])))
    zone <- sub(":", "", m[8])
    shift <- if (zone %in% c("", "Z")) 0 else
      (if (substr(zone, 1, 1) == "-") -60 else 60) * (60 * numbers(substr(zone, 2, 3)) + sum(numbers(substr(zone, 4, 5)), na.rm = TRUE))
    as.numeric(as.Date(paste(m[2:4], collapse = "-"))) * 86400 + sum(part * c(3600, 60, 1)) - shift
  }, 0)
}

# ---- Which rows count --------------------------------------------------------------------------------------------------

COLUMNS <- c("reader", "group", "kind", "survey", "view", "item", "truth", "answer", "completed_at", "anchor",
             "assistant", "assistant_answer", "assisted_answer", "asked_again")

prepared <- function(readings, predictions, plan) {
  for (column in setdiff(c(COLUMNS, "showing"), names(readings))) readings[[column]] <- rep("", nrow(readings))
  rows <- readings[readings$showing != "2", COLUMNS]
  rows$kind <- ifelse(rows$kind == "", "human", tolower(rows$kind))
  network <- rows$kind == "model"                                     # a network reads an image once, in however many surveys
  rows <- rows[!(network & duplicated(rows[c("kind", "reader", "item", "view")])), ]
  if (!is.null(predictions)) rows <- rbind(rows, answers_of(predictions, rows))
  if (plan$completion_threshold != "") rows <- complete_sittings(rows, plan)
  classes <- unique(c(rows$truth, rows$answer[rows$answer != ""]))
  anchors <- unique(rows$item[tolower(rows$anchor) == "yes" & rows$kind == "human"])
  if (plan$missing == "excluded") rows <- rows[rows$answer != "", ]
  rows$correct <- as.numeric(rows$answer == rows$truth)               # no answer counts as wrong
  rows$weight <- weights_of(rows, anchors)
  list(rows = rows, classes = classes, anchors = anchors)
}

# Every reading weighs 1. Where some items are read by everybody (column anchor), each of these weighs, within group, view and
# class, as much as an average other item: by the mean number of readings of the others over that of its own.
weights_of <- function(rows, anchors) {
  weight <- rep(1, nrow(rows))
  human <- rows$kind == "human"
  marked <- human & rows$item %in% anchors
  if (!any(marked)) return(weight)
  class <- paste(rows$group, rows$view, rows$truth, sep = "\r")
  cell <- paste(class, rows$item, sep = "\r")
  times <- table(cell[human])
  other <- human & !marked & !duplicated(cell)
  usual <- tapply(as.vector(times[cell[other]]), class[other], mean)
  share <- as.vector(usual[class[marked]]) / as.vector(times[cell[marked]])
  weight[marked] <- ifelse(is.na(share), 1, share)
  weight
}

# The most probable class of a network's ensemble (or of its only member), the first column where two are equal.
answers_of <- function(predictions, rows) {
  columns <- grep("^p_", names(predictions), value = TRUE)
  ensemble <- predictions$member == "ensemble"
  key <- paste(predictions$model, predictions$view, sep = "\r")
  final <- ifelse(key %in% key[ensemble], ensemble, tapply(predictions$member, key, function(m) length(unique(m)))[key] == 1)
  known <- rows$kind == "model"
  final <- final & !key %in% paste(rows$reader, rows$view, sep = "\r")[known]
  shown <- predictions[final, ]
  if (!nrow(shown)) return(rows[0, ])
  p <- matrix(numbers(unlist(shown[columns])), nrow(shown))
  found <- data.frame(reader = shown$model, group = shown$model, kind = "model", view = shown$view, item = shown$item,
                      truth = shown$truth, answer = sub("^p_", "", columns)[max.col(p, "first")])
  found[setdiff(COLUMNS, names(found))] <- ""
  found[COLUMNS]
}

# A sitting is complete when answered / asked passes the threshold; a question is asked when anybody's sitting of the survey
# holds it. Where the plan says so the first complete sitting of each seat (survey and group) counts.
complete_sittings <- function(rows, plan) {
  sat <- rows$kind == "human" & rows$survey != ""
  if (!any(sat)) return(rows)
  own <- rows[sat, ]
  asked <- table(own$survey[!duplicated(own[c("survey", "item", "view")])])
  id <- paste(own$survey, own$reader, sep = "\r")
  sitting <- own[!duplicated(id), c("reader", "group", "survey")]
  sitting$id <- unique(id)
  sitting$answered <- tapply(own$answer != "", id, sum)[sitting$id]
  needed <- numbers(plan$completion_threshold) * as.vector(asked[sitting$survey])
  sitting <- sitting[if (plan$completion_comparison == ">") sitting$answered > needed else sitting$answered >= needed, ]
  if (plan$first_complete_per_seat == "True") {
    sitting$when <- tapply(instant(own$completed_at), id, function(x) if (all(is.na(x))) NA else max(x, na.rm = TRUE))[sitting$id]
    sitting <- sitting[order(sitting$when, sitting$reader, method = "radix"), ]
    sitting <- sitting[!duplicated(sitting[c("group", "survey")]), ]
  }
  rows[!sat | paste(rows$survey, rows$reader, sep = "\r") %in% sitting$id, ]
}

