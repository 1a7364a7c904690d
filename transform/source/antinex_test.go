package source

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/transform/schema"
)

// TestAntiNexTables: of AntiNex's tables the columns of bytes are texts,
// whatever they look like, and numbers are numbers.
func TestAntiNexTables(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"raw", "idx,eth_type,ip_len,pad_load,raw_hex_field_load,raw_load,tcp_id\n0,2048,5.0,0000,,12e5,\n1,2048,,,,3133,\n"},
		{"prepared", "eth_type,idx,ip_len,pad_load,raw_hex_field_load,raw_load,tcp_id\n2048,0,5.0,0000,,12e5,-1.0\n2048,1,-1.0,-1.0,,3133,-1.0\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab, err := Open(csvFile(t, c.text))
			if err != nil {
				t.Fatal(err)
			}
			defer tab.Close()
			kinds := map[string]schema.Kind{}
			for _, f := range tab.Schema() {
				kinds[f.Name] = f.Kind
			}
			for name, want := range map[string]schema.Kind{
				"idx": schema.Int64, "eth_type": schema.Int64, "ip_len": schema.Float64, "tcp_id": schema.Float64,
				"pad_load": schema.String, "raw_load": schema.String, "raw_hex_field_load": schema.String,
			} {
				if kinds[name] != want {
					t.Errorf("%s is %s, want %s", name, kinds[name], want)
				}
			}
			b := schema.FromFields(tab.Schema())
			if err := tab.Next(b); err != nil {
				t.Fatal(err)
			}
			if got := string(b.Column("pad_load").AppendText(nil, 0)); got != "0000" {
				t.Errorf("padding reads as %q", got)
			}
		})
	}
}

// TestShippedTables: the original's recordings and prepared tables are read to
// their ends.
func TestShippedTables(t *testing.T) {
	root := "../../../shared/data/antinex"
	if _, err := os.Stat(root); err != nil {
		t.Skipf("wider corpora are not here: %v", err)
	}
	for name, rows := range map[string]int{
		"raw/django/netdata-2018-01-28-23-06-05.csv":          1100,
		"raw/flask-restplus/netdata-2018-01-29-11-30-02.csv":  2600,
		"prepared/django/v1_django_full_attack.csv":           9000,
		"prepared/flask-restplus/v1_flask_cleaned_attack.csv": 2600,
		"prepared/sample_fulldata_attack_scans.csv":           10,
		"../antinex/golden/all_layers.flat.csv":               27,
	} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			tab, err := Open(filepath.Join(root, name))
			if err != nil {
				t.Fatal(err)
			}
			defer tab.Close()
			b, got := schema.FromFields(tab.Schema()), 0
			for {
				err := tab.Next(b)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got += b.Rows
			}
			if got != rows {
				t.Errorf("%d rows, want %d", got, rows)
			}
		})
	}
}
