// Package sink writes tables, in each of [Formats], behind one interface.
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
// A bloom filter for a column is made on request ([Options].Bloom): for
// addresses and names, which bounds do not tell apart.
//
// # Arrow
//
// The IPC file format, which is Feather version 2 too, and the stream; each
// batch is a record batch. Types are those of Arrow with the same names;
// addresses and strings are utf8, timestamps timestamp[us, UTC], lists have
// items without nulls. There are no dictionaries: over several batches the file
// format has no place for them. Buffers are compressed one by one, with zstd
// or LZ4. Of a file the metadata is that of the footer's schema, and so has
// what is known last; a stream's schema comes first, without it.
//
// # Formats of lines
//
// A row is a line. A file's compression is around all of it and in its name,
// .csv.gz or .jsonl.zst: each piece is a gzip member or zstd frame, so that
// pieces are compressed in parallel.
//
// CSV: a header line and one line a row, as RFC 4180 has it but with LF line
// ends. A null is an empty cell, an empty string is a quoted empty cell. CSV
// has no place for metadata.
//
// JSONL: an object a row (RFC 8259). A column whose name begins with that of
// its layer is in the layer's object without that beginning: ip_src is
// {"ip":{"src":…}}, which jq reads as .ip.src and DuckDB as ip.src, the names
// that Wireshark has; tshark -T ek nests alike. Other columns, such as ts and
// decode_error, stand beside the layers, and so do all of a table without
// layers. Keys joined by _ are the column again, but for a column that is
// named as its layer (payload.payload). Null is left out, and with it layers
// that a packet lacks. Integers are exact, also those of 64 bits; times are RFC
// 3339, bytes lower-case hexadecimal; numbers that JSON lacks are the strings
// "NaN", "Infinity" and "-Infinity".
//
// nPrint (Holland et al., CCS 2021): the bits of a packet's headers, put
// together again from the columns of a packets table; -1 is a bit that is not
// there. Unlike in nprint's own files every packet is a line, those without
// such a header too. Of ICMP's rest of header the bits behind a parameter
// problem's pointer and an extended echo's identifier are in no column, and -1.
//
// Zeek: its ASCII logs' #separator, #set_separator, #empty_field, #unset_field,
// #path, #fields and #types, then tab-separated lines. Times are seconds since
// 1970 with six decimals, and so are intervals, which are the columns in
// seconds; what Zeek would not print is \xHH. #open and #close, which say when
// a log was written, are left out: Zeek's readers do not need them, and the
// same table is the same bytes.
package sink
