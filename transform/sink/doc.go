// Package sink writes tables: Parquet, CSV and Zeek's logs, behind one interface.
//
// A table is written in two stages. Any number of goroutines each hold an
// [Encoder] and turn batches of rows into pieces; one goroutine commits the
// pieces in the order of the rows. All of the cost (dictionaries, compression,
// formatting of numbers) is in the first stage, so it runs on all cores, and
// since a piece depends on nothing but its own rows, the bytes of the file do
// not depend on how many encoders there were:
//
//	f, err := sink.Create("packets.parquet", format, batch.Schema(), sink.Options{})
//	…
//	defer f.Abort()            // removes the file unless Close succeeded
//	enc := f.NewEncoder()      // one for each goroutine
//	for … {
//		err = enc.Encode(batch)   // batch.Finish was called before
//	}
//	piece, err := enc.Flush()  // after every 64 k rows or so
//	err = f.Commit(piece)      // in order
//	err = f.Close()            // only now does packets.parquet exist
//
// Batches of 2 to 16 k rows suit the caches. The caller chooses the pieces,
// and with them the memory: an encoder holds its current piece, compressed,
// until it is committed.
//
// # Parquet
//
// The Parquet sink has its own page encoder. parquet-go's writers cost three
// to four times as much for a sparse table of 90 columns, because they move
// each value through a general Value or a row struct; here a batch's columns
// are already what a page is made of, dense values and definition levels. Of
// parquet-go the Thrift structs of the footer, the run-length encoder and, in
// tests, the reader are used. What is written is ordinary: data pages of
// version 2, dictionaries with a cap, DELTA_BINARY_PACKED where the schema
// says so, zstd or Snappy, statistics, column and offset index, page
// checksums. No TIMESTAMP(NANOS), which Spark refuses.
//
// Types: bool BOOLEAN; uint8, uint16 and uint32 INT32 with the unsigned
// integer annotation, which Spark (3.2 and later), DuckDB, polars and pyarrow
// all read; int64 INT64; float64 DOUBLE; timestamp INT64 with
// TIMESTAMP(MICROS, UTC); addresses and strings BYTE_ARRAY with STRING;
// binary BYTE_ARRAY; lists the three-level LIST with required elements.
// Strings that are not UTF-8 get U+FFFD for each offending run of bytes.
//
// # CSV
//
// A header line and one line a row, as RFC 4180 has it but with LF line ends.
// A null is an empty cell, an empty string is a quoted empty cell. CSV has no
// place for metadata.
//
// # Zeek
//
// Zeek's ASCII logs: #separator, #set_separator, #empty_field, #unset_field,
// #path, #fields and #types, then tab-separated lines. Times are seconds since
// 1970 with six decimals, and so are intervals, which are the columns in
// seconds; what Zeek would not print is \xHH. #open and #close, which say when
// a log was written, are left out: Zeek's readers do not need them, and the
// same table is the same bytes.
package sink
