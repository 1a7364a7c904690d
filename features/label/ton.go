package label

import (
	"errors"
	"strings"
)

// loadTON reads the network flows of TON_IoT, which Zeek made: ts in epoch
// seconds, label 0 or 1, type the class. train_test_network.csv has no times
// and cannot be joined to captures.
func loadTON(in *input) ([]Rule, error) {
	b := newBuilder(in)
	err := in.withHeader(func(line int, row csvRow) error {
		if !row.has("ts") {
			return in.error(1, errors.New("there is no column ts: train_test_network.csv cannot be joined to captures, take Network_dataset_*.csv"))
		}
		r := NewRule()
		src, dst := row.cell("src_ip"), row.cell("dst_ip")
		ok, err := b.tuple(&r, zeekProto(row.cell("proto"), src), src, dst, row.cell("src_port"), row.cell("dst_port"))
		if err != nil {
			return in.error(line, err)
		}
		if !ok {
			return nil
		}
		from, err := ParseEpoch(row.cell("ts"))
		if err != nil {
			return in.error(line, err)
		}
		resolution := second
		if strings.Contains(row.cell("ts"), ".") {
			resolution = microsecond
		}
		if err := r.span(from, row.cell("duration"), resolution); err != nil {
			return in.error(line, err)
		}
		r.classify(row.cell("type"), "")
		if (row.cell("label") == "1") != (r.Class == Attack) {
			b.note("skipped: label and type contradict each other")
			return nil
		}
		return b.add(line, r)
	})
	if err != nil {
		return nil, err
	}
	return b.done()
}
