// Package antinex prepares datasets as AntiNex does, byte for byte, so that
// what was trained on its datasets can be trained and checked again.
//
// [Prepare] merges CSV tables, labels them and writes a full and a cleaned
// table, each with metadata in JSON. Two of AntiNex's programs do that: the
// script prepare-dataset.py (network-pipeline) and build_csv of its REST API
// (antinex-utils), which knows more rules; see [Rules]. Both are followed with
// what is wrong in them:
//
//   - Columns are read with pandas' guesses, so that padding of "0000" becomes
//     the number 0.0. Reading tables for other purposes does not do that: see
//     transform/source.
//   - A mark_empty of 0 counts as none for the gaps in the files, and one that
//     is not 0 replaces src_file, too.
//   - keep_nans keeps rows with gaps whatever its value is, false included.
//   - Labels by set_if_above are dice. The original's are thrown without a
//     seed; here a seed must be given, and a warning says what such labels are
//     worth. A threshold of 100 or more gives every row the first label, which
//     is how the published datasets were labelled.
//   - build_csv, where it predicts a feature, writes no features_to_process into
//     the cleaned table's metadata. [Metadata.Features] falls back to the headers.
//
// There is no split, and nothing is fitted. Use features/prep for datasets to
// learn from.
//
// What does not follow the original: files found by a pattern are sorted, not
// in the order of the folder; the time in the metadata is the one given.
package antinex
