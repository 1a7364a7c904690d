package ship

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/sink"
)

// The files of a shipment.
const (
	ManifestFile = "manifest.json"
	RowsFile     = "rows.parquet"
	PacketsFile  = "packets.pcapng"
)

const manifestVersion = 1

// Manifest says what is in a shipment.
type Manifest struct {
	Version  int              `json:"version"` // 1
	Tool     string           `json:"tool"`
	Sensor   string           `json:"sensor"`
	Number   int64            `json:"number"`
	Table    string           `json:"table"`        // "flows" or "packets"
	Source   string           `json:"source_table"` // name of the table that the rows are of
	SHA256   string           `json:"source_sha256"`
	Model    string           `json:"model,omitempty"` // SHA-256 of its file, where it is known
	Select   Selection        `json:"selection"`
	Looked   int64            `json:"rows_looked_at"`
	Rows     int64            `json:"rows"`
	Reasons  map[string]int64 `json:"rows_by_reason"`
	Packets  int64            `json:"packets"`
	Expected int64            `json:"packets_of_rows"` // as the rows count them
	Left     int64            `json:"packets_left"`    // beyond the number for each row
	Missing  int64            `json:"packets_missing"` // not found, as in segments that are gone
	Gone     int              `json:"captures_gone"`
	Damaged  []string         `json:"damaged,omitempty"` // captures not read to their end
	Files    []Entry          `json:"files"`
}

// Entry is a file of a shipment.
type Entry struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// describe fills in the files that are in a folder.
func (m *Manifest) describe(dir string) error {
	m.Files = []Entry{}
	for _, name := range []string{RowsFile, PacketsFile} {
		sum, size, err := pcapio.Digest(filepath.Join(dir, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		m.Files = append(m.Files, Entry{name, size, sum})
	}
	return nil
}

// seal writes the folder's files and the manifest, encrypted, to path and
// returns SHA-256 and size of what it wrote.
func (m *Manifest) seal(dir, path string, to []age.Recipient) (sum string, size int64, err error) {
	h := sha256.New()
	err = sink.WriteStream(path, func(w io.Writer) error {
		counted := &counter{w: io.MultiWriter(w, h)}
		sealed, err := age.Encrypt(counted, to...)
		if err != nil {
			return err
		}
		if err := m.tar(sealed, dir); err != nil {
			return err
		}
		err = sealed.Close()
		size = counted.n
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), size, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

func (m *Manifest) tar(w io.Writer, dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	if err := t.WriteHeader(header(ManifestFile, int64(len(text)))); err != nil {
		return err
	}
	if _, err := t.Write(text); err != nil {
		return err
	}
	for _, e := range m.Files {
		if err := addFile(t, dir, e); err != nil {
			return err
		}
	}
	return t.Close()
}

func header(name string, size int64) *tar.Header {
	return &tar.Header{Name: name, Mode: 0o640, Size: size, ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}
}

func addFile(t *tar.Writer, dir string, e Entry) error {
	f, err := os.Open(filepath.Join(dir, e.Name))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.WriteHeader(header(e.Name, e.Size)); err != nil {
		return err
	}
	if _, err := io.Copy(t, f); err != nil {
		return fmt.Errorf("%s: %w", e.Name, err)
	}
	return nil
}
