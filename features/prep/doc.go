// Package prep makes datasets of labelled tables, and reads them back.
//
// [Prepare] reads the packets or flows tables that carry labels and writes
//
//	fulldata.parquet        every column of every labelled row, with label_value,
//	                        label_index and split
//	cleaned.parquet         the features alone, as numbers, filled but not
//	                        scaled, with label_name, label_value, label_index,
//	                        split and where the row comes from
//	fulldata_metadata.json  what both were made of and how; see features.Meta
//	cleaned_metadata.json
//
// The names and the meaning are those of AntiNex's prepare-dataset; what it
// drew by dice is taken from the labels here, and what it fitted on all rows
// is fitted on training rows. [Load] reads the cleaned table for a trainer.
//
// The tables are read three times: for where rows are, from which the split
// is made; for what the encoding learns of the training rows; and to be
// written. (A fourth time, after the encoding is known, when duplicates are to
// be dropped.) Of each row some 60 bytes are kept in memory, whatever the
// number of columns.
//
// # What is left out
//
// Rows that no rule labels are not benign, so they are in neither table. Rows
// on a border of the split are in the full table, as purged, and not in the
// cleaned one. Both are counted, and the counts are checked against the number
// of rows read.
package prep
