package label

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// importer reads one form of the truth. To add one, write a file with its
// load function and put a line into importers.
type importer struct {
	name  string // as --format has it
	about string // one line for people
	known func(in *input) bool
	load  func(in *input) ([]Rule, error)
}

// importers are the forms that can be read; a file is of the first that
// knows it.
var importers = []importer{
	{"rules", "rules of pcapline's own in YAML or JSON", knowsRules, loadRules},
	{"rules-csv", "the same in CSV", csvWith("zone", "label"), loadTable(loadRecords)},
	{"lab-truth", "CSV with file, start, end, src, dst, proto, sport, dport, src_mac, label, category", csvWith("file", "start", "end", "src", "dst", "proto", "label"), loadTable(loadTruth)},
	{"eve", "Suricata's eve.json: alerts", knowsEve, loadEve},
	{"fastlog", "Suricata's fast.log; needs a zone", knowsFastLog, loadFastLog},
	{"zeek", "Zeek's conn.log.labeled, as in IoT-23", knowsZeek, loadZeek},
	{"cic", "labelled flows of CICFlowMeter: CIC-IDS2017, CSE-CIC-IDS2018 and their corrections", knowsCIC, loadCIC},
	{"unsw-nb15-gt", "ground truth of UNSW-NB15", csvWith("start time", "last time", "attack category", "source ip", "destination ip"), loadUNSWTruth},
	{"unsw-nb15", "UNSW-NB15_1.csv to _4.csv, which have no header", knowsUNSW, loadUNSW},
	{"ctu-13", "binetflow of CTU-13", csvWith("starttime", "dur", "srcaddr", "dstaddr", "label"), loadBinetflow},
	{"mawilab", "MAWILab's CSV", csvWith("anomalyid", "srcip", "dstip", "taxonomy"), loadMAWILab},
	{"admd", "MAWILab's ADMD XML", knowsADMD, loadADMD},
	{"ton-iot", "Network_dataset_*.csv of TON_IoT", csvWith("src_ip", "dst_ip", "label", "type"), loadTON},
	{"netflowlabeler", "rules of stratosphereips/netflowlabeler", knowsNetflowLabeler, loadNetflowLabeler},
	{"pcapml", "pcapml's list of BPF filters and labels", knowsPcapml, loadPcapml},
	{"antinex", "AntiNex's label_rules, in metadata or prepare configs", knowsAntiNex, loadAntiNex},
}

// Formats lists the forms of truth that can be read, and what each is.
func Formats() [][2]string {
	list := make([][2]string, len(importers))
	for i, imp := range importers {
		list[i] = [2]string{imp.name, imp.about}
	}
	return list
}

// Options say how files of rules are read. The zero value goes by the file.
type Options struct {
	Format string        // name of a form; "": recognised by content
	Zone   string        // of local times, for forms that do not name theirs; "": the form's own, if there is one
	Slack  time.Duration // intervals are made longer by it at both ends
	Seed   *uint64       // for rules that go by chance; nil: they are refused
}

// SyntaxError says where a rule file is wrong.
type SyntaxError struct {
	File string
	Line int // from 1; 0 when it is not one line
	Err  error
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

func (e *SyntaxError) Unwrap() error { return e.Err }

// input is a file on its way to becoming rules.
type input struct {
	path  string
	text  []byte // without byte order mark
	opt   Options
	notes []string
}

func (in *input) note(format string, args ...any) {
	in.notes = append(in.notes, fmt.Sprintf(format, args...))
}

func (in *input) error(line int, err error) error { return &SyntaxError{in.path, line, err} }

// zone is the one asked for, else that of the form.
func (in *input) zone(own string) (*time.Location, error) {
	name := in.opt.Zone
	if name == "" {
		name = own
	}
	if name == "" {
		return nil, &SyntaxError{File: in.path, Err: errors.New("times are local in this form: name their time zone (--zone)")}
	}
	z, err := loadZone(name)
	if err != nil {
		return nil, &SyntaxError{File: in.path, Err: err}
	}
	return z, nil
}

// firstLine is the first line that is not empty, without its end.
func (in *input) firstLine() string {
	line, _, _ := bytes.Cut(bytes.TrimLeft(in.text, "\r\n"), []byte("\n"))
	return strings.TrimRight(string(line), "\r")
}

// lineID is the id of a rule that has no other.
func lineID(path string, line int) string { return filepath.Base(path) + ":" + strconv.Itoa(line) }

// Load reads a file of rules in the form that its content shows.
func Load(path string) (*Rules, error) { return LoadWith(path, Options{}) }

// LoadWith reads a file of rules. Errors are a [*SyntaxError] or the file
// system's.
func LoadWith(path string, opt Options) (*Rules, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return parse(path, text, opt)
}

func parse(path string, text []byte, opt Options) (*Rules, error) {
	in := &input{path: path, text: bytes.TrimPrefix(text, []byte("\ufeff")), opt: opt}
	imp, err := in.importer()
	if err != nil {
		return nil, err
	}
	list, err := imp.load(in)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, &SyntaxError{File: path, Err: errors.New("there are no rules in it")}
	}
	name := filepath.Base(path)
	for i := range list {
		list[i].widen(int64(opt.Slack))
		if list[i].Source == "" {
			list[i].Source = name
		}
	}
	sum := sha256.Sum256(text)
	src := Source{File: name, SHA256: hex.EncodeToString(sum[:]), Importer: imp.name, Rules: len(list), Notes: in.notes}
	return &Rules{List: list, Files: []Source{src}}, nil
}

// importer is the one asked for, or the one that knows the content.
func (in *input) importer() (*importer, error) {
	if in.opt.Format != "" {
		i := slices.IndexFunc(importers, func(imp importer) bool { return imp.name == in.opt.Format })
		if i < 0 {
			return nil, fmt.Errorf("no form of rules is called %q; there are %s", in.opt.Format, importerNames())
		}
		return &importers[i], nil
	}
	if len(bytes.TrimSpace(in.text)) == 0 {
		return nil, &SyntaxError{in.path, 1, errors.New("the file is empty")}
	}
	for i := range importers {
		if importers[i].known(in) {
			return &importers[i], nil
		}
	}
	return nil, in.error(1, fmt.Errorf("the content is of no known form; known are %s", importerNames()))
}

func importerNames() string {
	names := make([]string, len(importers))
	for i, imp := range importers {
		names[i] = imp.name
	}
	return strings.Join(names, ", ")
}

// widen makes the interval longer at both ends, where it has ends.
func (r *Rule) widen(slack int64) {
	if r.From != Always {
		r.From -= slack
	}
	if r.To != Ever {
		r.To += slack
	}
}

// knowsRules goes by the ending, so that mistakes in the file are told as
// such, but for JSON that is somebody else's.
func knowsRules(in *input) bool {
	switch strings.ToLower(filepath.Ext(in.path)) {
	case ".yaml", ".yml":
		return true
	case ".json":
		return !knowsEve(in) && !knowsAntiNex(in)
	}
	return false
}

func loadRules(in *input) (rules []Rule, err error) {
	rules, in.notes, err = parseYAML(in.path, in.text)
	return rules, err
}

// jsonKeys gives the keys and values of a JSON object, nil for anything else.
func jsonKeys(text []byte) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(text, &m) != nil {
		return nil
	}
	return m
}

// table is a CSV file with a header.
type table struct {
	file    string
	columns map[string]int // by their names in lower case, without blanks around
	rows    [][]string
	lines   []int // of each row in the file
}

// cell gives row i's value of a column, "" where the file has no such column.
func (t *table) cell(i int, column string) string {
	if c, ok := t.columns[column]; ok {
		return t.rows[i][c]
	}
	return ""
}

func (t *table) error(i int, err error) error {
	return &SyntaxError{File: t.file, Line: t.lines[i], Err: err}
}

// csvWith knows CSV whose header has the columns.
func csvWith(columns ...string) func(*input) bool {
	return func(in *input) bool {
		header := headerOf(in.firstLine())
		return !slices.ContainsFunc(columns, func(c string) bool { _, ok := header[c]; return !ok })
	}
}

func headerOf(line string) map[string]int {
	header, err := csv.NewReader(strings.NewReader(line)).Read()
	if err != nil {
		return nil
	}
	return columnsOf(header)
}

// columnsOf numbers the names of a header; of two that are alike the first counts.
func columnsOf(header []string) map[string]int {
	columns := make(map[string]int, len(header))
	for i, h := range header {
		h = strings.ToLower(strings.TrimSpace(h))
		if _, twice := columns[h]; !twice {
			columns[h] = i
		}
	}
	return columns
}

// loadTable is the loader of a CSV form with a header.
func loadTable(load func(*table) ([]Rule, error)) func(*input) ([]Rule, error) {
	return func(in *input) ([]Rule, error) {
		t, err := readTable(in.path, in.text)
		if err != nil {
			return nil, err
		}
		rules, err := load(t)
		if err != nil {
			return nil, err
		}
		for i := range rules {
			if rules[i].ID == "" {
				rules[i].ID = lineID(t.file, t.lines[i])
			}
		}
		if i, id := twice(rules); i >= 0 {
			return nil, t.error(i, fmt.Errorf("id %q is there twice", id))
		}
		return rules, nil
	}
}

func readTable(file string, text []byte) (*table, error) {
	r := csv.NewReader(bytes.NewReader(text))
	header, err := r.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		return nil, csvError(file, err)
	}
	t := &table{file: file, columns: columnsOf(header)}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, csvError(file, err)
		}
		line, _ := r.FieldPos(0)
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		t.rows, t.lines = append(t.rows, row), append(t.lines, line)
	}
}

func csvError(file string, err error) error {
	if pe := (*csv.ParseError)(nil); errors.As(err, &pe) {
		return &SyntaxError{file, pe.Line, pe.Err}
	}
	return &SyntaxError{File: file, Err: err}
}
