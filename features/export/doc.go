// Package export writes a labelled packets table as the input of other
// people's detectors: LUCID, ET-BERT, Kitsune. Each of them comes with a
// preprocessor of its own that starts from captures; what these do wrong
// decides over published results more than the models do:
//
//   - LUCID's and ET-BERT's split at random, so that packets of one flow, and
//     of one attack's seconds, are on both sides. Here the split is package
//     features': by time with a purge gap, flows whole.
//   - ET-BERT's paper says that link and IP headers and ports are removed; its
//     code cuts 38 bytes off the frame, which is neither that nor stable under
//     VLAN tags and IP options, and leaves sequence numbers, checksums and
//     TCP timestamps, which give the session away. Here the text is payload.
//   - LUCID's labels go by address pairs. Here they are the table's.
//   - A packet that no rule covers is benign to all three. Here it is left
//     out and counted, or where the tool needs every packet, marked.
//
// [Run] reads the table twice where it splits: first for where the samples
// are, then for what is in them. Everything appears at once in a new folder,
// with export.json: the split, the counts by label and part, and what was
// left out and why.
//
// # LUCID
//
// Windows of 10 s that begin with the packet that ends the one before;
// in each window, of each 5-tuple of either direction, the first 10 packets;
// of each packet 11 features, divided by their greatest values as LUCID's
// static_min_max has them; zeros behind the last packet. Written as
// 10t-10n-pcapline-dataset-{train,val,test}.npz with the arrays set_x
// (float32, samples × 10 × 11) and set_y (int64, 1 attack) of LUCID's HDF5
// files, and for whoever wants to check the split start_ns, capture, flow_key.
// There is no kept HDF5 writer in pure Go; in Python it is one line a file:
//
//	f = h5py.File(p.replace("npz", "hdf5"), "w"); [f.create_dataset(k, data=v) for k, v in numpy.load(p).items()]
//
// Held against LUCID's own parser the samples are the same but for three
// features: IP flags are 0x4000 for DF, as LUCID's bounds have it, where
// today's tshark gives it 2; the highest layer and the protocols are those that
// pcapline decodes, and TLS counts as LUCID's ssl.
//
// # ET-BERT
//
// {train,valid,test}_dataset.tsv as run_classifier.py reads them: label, a
// number, and text_a, the payload's bytes as overlapping pairs in hexadecimal,
// at most 128 a packet, of the first 5 packets with payload of a flow or, at
// level packet, of each packet. labels.tsv says what the numbers mean; they
// are dense over the labels with training samples, as the tool needs it.
//
// # Kitsune
//
// For each capture NAME.tsv, the fields that its extractor takes from tshark,
// byte for byte as tshark prints them, and NAME_labels.csv, a row a packet: 1
// attack, 0 benign, NA unknown. Nothing is split or left out: Kitsune learns
// from the first packets of a trace and needs all that follow. It differs from
// tshark in what is not in the packet itself: ports of a packet that an ICMP
// error quotes, or that a tunnel carries, are left empty, and of a fragmented datagram the first fragment
// has the ports, where tshark, which reassembles, gives them to the last.
//
// Not here: netFound and YaTC take captures by class, which pcapline slice
// --split flow writes.
package export
