// Package prep makes datasets of labelled tables, and reads them back.
//
// [Prepare] reads the packets or flows tables that carry labels and writes a
// folder:
//
//	fulldata.parquet        every column of every labelled row, with label_name,
//	                        label_value, label_index and split
//	fulldata_metadata.json  what it was made of and how; see features.Meta
//	data/train-00000-of-00001.parquet
//	data/validation-00000-of-00001.parquet
//	data/test-00000-of-00001.parquet
//	                        the cleaned table, one file a part: the features
//	                        alone, as numbers, filled but not scaled, with the
//	                        label and where the row comes from
//	cleaned_metadata.json
//	README.md               a card for people, with the front matter by which
//	                        the Hugging Face hub finds the parts
//	croissant.json          the same for data catalogues
//
// The tables can be CSV instead, or too. The names fulldata and cleaned and the
// keys of the metadata are those of AntiNex's prepare-dataset; what it drew by
// dice is taken from the labels here, and what it fitted on all rows is fitted
// on training rows. The cleaned table is cut into files by part because readers
// take a folder's files for its parts: one file with a column split would be
// taken for training rows as a whole. [Load] reads it for a trainer.
//
// The tables are read four times: for where rows are, from which the split is
// made; for what the encoding learns of the training rows; for rows that equal
// one another; and to be written. Some 40 bytes of each row are kept in memory,
// whatever the number of columns.
//
// # What is left out
//
// Rows that no rule labels are not benign, so they are in neither table. Rows
// on a border of the split, duplicates (see [Policy]), packets that a loopback
// interface recorded twice, and training rows of attack classes that have more
// than [Options.MaxPerClass] are in the full table, as purged, and not in the
// cleaned one. All are counted, and the counts are checked against the number
// of rows read. The encoding is learned of the training rows that were drawn,
// before duplicates are taken out: which rows are equal is a question of their
// features.
package prep
