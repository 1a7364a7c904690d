package export

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/pcapline/pcapline/transform/schema"
)

// kitsuneFields are the fields that Kitsune's FeatureExtractor asks tshark for,
// in its order, and our columns of the same values.
var kitsuneFields = [...]struct{ field, column string }{
	{"frame.time_epoch", "ts_ns"}, {"frame.len", "frame_len"}, {"eth.src", "eth_src"}, {"eth.dst", "eth_dst"},
	{"ip.src", "ip_src"}, {"ip.dst", "ip_dst"}, {"tcp.srcport", "tcp_src_port"}, {"tcp.dstport", "tcp_dst_port"},
	{"udp.srcport", "udp_src_port"}, {"udp.dstport", "udp_dst_port"}, {"icmp.type", "icmp_type"}, {"icmp.code", "icmp_code"},
	{"arp.opcode", "arp_opcode"}, {"arp.src.hw_mac", "arp_src_mac"}, {"arp.src.proto_ipv4", "arp_src_ip"},
	{"arp.dst.hw_mac", "arp_dst_mac"}, {"arp.dst.proto_ipv4", "arp_dst_ip"}, {"ipv6.src", "ipv6_src"}, {"ipv6.dst", "ipv6_dst"},
}

var kitsuneColumns = func() (columns []string) {
	for _, f := range kitsuneFields[1:] { // ts_ns is one of rowColumns
		columns = append(columns, f.column)
	}
	return columns
}()

// trace is the pair of files of one capture.
type trace struct {
	file, labels *os.File
	tsv, csv     *bufio.Writer
	packets      int64
}

// writeKitsune writes capture after capture, as their rows come.
func writeKitsune(e *exporter) error {
	var t *trace
	var at uint32
	err := e.each(func(b *schema.Batch) (err error) {
		r := newRowReader(b)
		columns := make([]schema.Column, len(kitsuneFields))
		next := make([]int, len(kitsuneFields))
		for i, f := range kitsuneFields {
			columns[i] = b.Column(f.column)
		}
		var line []byte
		for row := range b.Rows {
			file, _ := r.file.At(row)
			if t == nil || file != at {
				if err := t.close(); err != nil {
					return err
				}
				if t, err = e.newTrace(file); err != nil {
					return err
				}
				at = file
			}
			line = line[:0]
			for i, c := range columns {
				if i > 0 {
					line = append(line, '\t')
				}
				if !c.Presence().Has(row) {
					continue
				}
				if i == 0 {
					ns, _ := r.time.At(row)
					line = appendEpoch(line, ns)
				} else {
					line = c.AppendText(line, next[i])
				}
				next[i]++
			}
			if err := t.add(line, e.kitsuneLabel(r.verdict(row))); err != nil {
				return err
			}
			e.res.Rows++
			e.res.Used++
		}
		return nil
	})
	return errors.Join(err, t.close())
}

// kitsuneLabel is a packet's label, which is counted.
func (e *exporter) kitsuneLabel(v verdict) string {
	name, text := "unknown", "NA"
	switch {
	case v.attack:
		name, text = string(v.label), "1"
	case v.known:
		name, text = benign, "0"
	}
	if e.res.Samples[name] == nil {
		e.res.Samples[name] = map[string]int{}
	}
	e.res.Samples[name]["all"]++
	return text
}

// newTrace begins the files of a capture.
func (e *exporter) newTrace(file uint32) (*trace, error) {
	if int(file) >= len(e.inputs) {
		return nil, fmt.Errorf("%s: file_id %d, but the table is of %d captures", e.opt.Table, file, len(e.inputs))
	}
	name := strings.NewReplacer("/", "_", "\\", "_").Replace(e.inputs[file].File)
	tsv, err := e.create(name + ".tsv")
	if err != nil {
		return nil, err
	}
	csv, err := e.create(name + "_labels.csv")
	if err != nil {
		return nil, errors.Join(err, tsv.Close())
	}
	t := &trace{file: tsv, labels: csv, tsv: bufio.NewWriter(tsv), csv: bufio.NewWriter(csv)}
	names := make([]string, len(kitsuneFields))
	for i, f := range kitsuneFields {
		names[i] = f.field
	}
	fmt.Fprintln(t.tsv, strings.Join(names, "\t"))
	fmt.Fprint(t.csv, "\"\",\"x\"\n")
	return t, nil
}

func (t *trace) add(line []byte, label string) error {
	t.packets++
	_, err := fmt.Fprintf(t.tsv, "%s\n", line)
	_, lerr := fmt.Fprintf(t.csv, "\"%d\",%s\n", t.packets, label)
	return errors.Join(err, lerr)
}

func (t *trace) close() error {
	if t == nil {
		return nil
	}
	return errors.Join(t.tsv.Flush(), t.csv.Flush(), t.file.Close(), t.labels.Close())
}

// appendEpoch writes ns since 1970 as seconds with nine decimals.
func appendEpoch(dst []byte, ns int64) []byte {
	n := uint64(ns)
	if ns < 0 {
		dst, n = append(dst, '-'), -n
	}
	dst = append(strconv.AppendUint(dst, n/1e9, 10), '.')
	for unit := uint64(1e8); unit > 0; unit /= 10 {
		dst = append(dst, '0'+byte(n/unit%10))
	}
	return dst
}
