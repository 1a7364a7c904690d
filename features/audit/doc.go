// Package audit asks whether a dataset can be trusted before a model is
// trained on it.
//
// Published detectors of 99 % and more often found the recording, not the
// attack: the row's number, a clock, a checksum, an address, or simply the
// capture in which all rows of a class lie. Each check here looks for one way
// in which that happens, and says in plain sentences what it found.
//
//	one_feature      one column and one threshold tell attacks apart
//	identity         a column names a session, a host, a moment or a row
//	shuffled_labels  a model of labels drawn by dice must know nothing
//	shuffled_blocks  nor a model of labels drawn for whole recordings
//	duplicates       rows of the test that were met in training, or nearly
//	confounding      classes that cannot be told from their captures
//	time             classes that cannot be told from their moments
//	columns          columns that say nothing, or the same as another
//	split            flows on two sides, training rows after test rows
//
// [Dataset] judges a folder that package prep wrote: rules are found on its
// training rows and judged on its held-out rows. [Tables] judges tables that
// anybody wrote, joined as they are; there, a half of the rows drawn by their
// numbers stands for the training rows, since the question is not how good a
// detector is but what gives the answer away.
//
// # Bounds
//
// Everything but the search for equal rows looks at up to [SampleRows] rows,
// drawn by their numbers, so memory does not grow with the dataset but by
// sixteen bytes a row. The same data give the same report.
//
// # Limits
//
// A column is convicted of naming something by its declared role, by its name,
// by only ever growing in the order of the rows, or by telling captures apart
// among rows of one class. A column that names a host in a way that only
// several columns together show is found by shuffled_blocks, which cannot say
// which columns they are.
//
// Sources: Arp et al., Dos and Don'ts of Machine Learning in Computer Security
// (USENIX Security 2022); D'hooge et al., Castles Built on Sand (2022); Flood et
// al., Bad Design Smells in Benchmark NIDS Datasets (EuroS&P 2024); Engelen et
// al., Troubleshooting an Intrusion Detection Dataset (2021).
package audit
