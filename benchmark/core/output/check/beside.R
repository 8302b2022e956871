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
open_tables <- function(folder) function(name) {
  path <- file.path(folder, "tables", paste0(name, ".csv"))
  if (file.exists(path) && file.size(path) > 1) read_table(path) else NULL
}

# ---- Side by side ------------------------------------------------------------------------------------------------------

tally <- c(agree = 0, differ = 0, within = 0, beyond = 0)           # beyond: drawn at random, and too far off

# A p value must agree in its digits however small it is; elsewhere what is 0 but for rounding counts as 0.
agrees <- function(ours, theirs, name) {
  slack <- if (grepl("\\bp\\b|_p$|^p_", name, perl = TRUE)) 0 else 1e-12
  (is.na(ours) & is.na(theirs)) | (!is.na(ours) & !is.na(theirs) &
    abs(ours - theirs) <= pmax(TOLERANCE * pmax(abs(ours), abs(theirs)), slack))
}
title <- function(...) cat("\n", paste0(...), "\n", sep = "")
told <- function(x) ifelse(is.na(x), "-", formatC(x, digits = 10, format = "g", width = 1))

# One line per quantity; a vector is one line that shows its largest difference, and each of its values counts.
beside <- function(name, ours, theirs) {
  if (length(ours) != length(theirs)) {
    tally[["differ"]] <<- tally[["differ"]] + 1
    return(cat(sprintf("  %-46s %11d values %11d values %10s  DIFFERS\n", name, length(ours), length(theirs), "")))
  }
  good <- agrees(ours, theirs, name)
  tally[["agree"]] <<- tally[["agree"]] + sum(good)
  tally[["differ"]] <<- tally[["differ"]] + sum(!good)
  gap <- abs(ours - theirs)
  worst <- if (any(!good)) which(!good)[which.max(ifelse(is.na(gap[!good]), Inf, gap[!good]))] else if (any(!is.na(gap))) which.max(gap) else 1
  if (length(ours) > 1) name <- sprintf("%s (%d values, the farthest)", name, length(ours))
  cat(sprintf("  %-46s %18s %18s %10s%s\n", name, told(ours[worst]), told(theirs[worst]), told(signif(gap[worst], 2)),
              if (all(good)) "" else sprintf("  DIFFERS%s", if (length(ours) > 1) sprintf(" in %d", sum(!good)) else "")))
}
fields <- function(record, found)
  for (name in intersect(names(record), names(found))) beside(name, numbers(record[[name]]), as.numeric(found[[name]]))
# How many records there are is computed, too, so that a table that was lost, or a record, is no agreement.
records <- function(name, table, expected, why) {
  if (!NROW(table) && !expected) return(cat("\n", name, ": does not apply, ", why, ".\n", sep = ""))
  title(name)
  beside("records", NROW(table), expected)
}

named <- function(...) { x <- c(...); paste(x[x != ""], collapse = ", ") }
each <- function(table) lapply(seq_len(NROW(table)), function(i) as.list(table[i, ]))

# ---- Run ---------------------------------------------------------------------------------------------------------------

# The tables lie beside the program; what went in is named, or lies beside it or in ../inputs/. second: of the table that may be missing.
run <- function(check, first, second) {
  home <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
  home <- if (length(home)) dirname(normalizePath(gsub("~+~", " ", home[1], fixed = TRUE))) else getwd()
  given <- commandArgs(TRUE)
  look <- function(n, name) {
    if (length(given) >= n) return(given[n])
    places <- file.path(c(home, file.path(home, "..", "inputs")), name)
    c(places[file.exists(places)], NA)[1]
  }
  where <- c(look(1, first), look(2, second))
  lost <- given[!file.exists(given)]
  if (length(lost)) stop("There is no file ", lost[1], ".", call. = FALSE)
  if (is.na(where[1])) stop(first, " is needed beside check.R or in ../inputs/; name it: Rscript check.R ", first, call. = FALSE)
  cat("Check in", R.version.string, "of the tables in", file.path(home, "tables"), "against", where[!is.na(where)], "\n\n")
  check(home, read_table(where[1]), if (is.na(where[2])) NULL else read_table(where[2]))
  drawn <- tally[c("within", "beyond")]
  if (sum(drawn)) cat(sprintf("\n%d drawn quantities lie within the error of the draws, %d do not", drawn[1], drawn[2]))
  cat(sprintf("\n%d quantities agree to 1e-8, %d differ\n", tally[["agree"]], tally[["differ"]]))
  if (!interactive()) quit(status = if (tally[["differ"]] + tally[["beyond"]] > 0) 1 else 0)
}

