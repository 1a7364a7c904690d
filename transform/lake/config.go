package lake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
)

// Config says what a batch makes of captures. It is a YAML file for people, and
// the JSON schema of it follows from the tags here (see [ConfigSchema]). What
// stands in it goes into plan and manifest: the same captures and the same
// Config give the same bytes.
type Config struct {
	Sensor        string        `yaml:"sensor" json:"sensor,omitempty" doc:"Sensor of captures that are in no spool; segments of a spool name theirs. Default: default."`
	SensorFolders bool          `yaml:"sensor_folders" json:"sensor_folders,omitempty" doc:"The first folder below the corpus is the sensor of the captures in it."`
	Filter        string        `yaml:"filter" json:"filter,omitempty" doc:"Take only packets that match, in the pcap filter language."`
	Shard         string        `yaml:"shard" json:"shard,omitempty" format:"size" doc:"About how much of captures is worked on at once, as 256MB. A plain capture of more than one and a half of it is cut. Default: 256MB."`
	Memory        string        `yaml:"memory" json:"memory,omitempty" format:"size" doc:"About how much memory a shard takes, as 512MB; row groups follow from it."`
	Packets       PacketsConfig `yaml:"packets" json:"packets,omitzero" doc:"The packets table."`
	Flows         FlowsConfig   `yaml:"flows" json:"flows,omitzero" doc:"The flows table."`
	Labels        LabelsConfig  `yaml:"labels" json:"labels,omitzero" doc:"Where labels are from. Without, tables have no label columns."`
	Model         *ModelConfig  `yaml:"model" json:"model,omitempty" doc:"Also make a dataset of the flows of the last runs, train on it and judge."`
}

// PacketsConfig says what the packets table is.
type PacketsConfig struct {
	Off         bool     `yaml:"off" json:"off,omitempty" doc:"Make no packets table."`
	Columns     []string `yaml:"columns" json:"columns,omitempty" doc:"Only these columns, in this order; ts must be among them. Default: all."`
	Payload     string   `yaml:"payload" json:"payload,omitempty" doc:"What is kept of payloads: full, first:N, hash or none. Default: full."`
	Compression string   `yaml:"compression" json:"compression,omitempty" doc:"Parquet codec, with a level where it has one, as zstd:3."`
	Bloom       []string `yaml:"bloom" json:"bloom,omitempty" doc:"Columns that get bloom filters."`
}

// FlowsConfig says what a flow is; see flow.Config.
type FlowsConfig struct {
	Columns        []string      `yaml:"columns" json:"columns,omitempty" doc:"Only these columns, in this order; ts must be among them. Default: all."`
	Compression    string        `yaml:"compression" json:"compression,omitempty" doc:"Parquet codec."`
	Span           *bool         `yaml:"span" json:"span,omitempty" doc:"Flows go on from capture to capture of a sensor. Default: yes for spools, no otherwise."`
	Carry          *bool         `yaml:"carry" json:"carry,omitempty" doc:"Flows that are open at the end go on in the next run, and are no rows before they end; a run without ends what the one before left open. Default: as span for spools, no otherwise."`
	IdleTimeout    time.Duration `yaml:"idle_timeout" json:"idle_timeout,omitempty" doc:"A flow ends after this time without a packet. Default: 120s."`
	ActiveTimeout  time.Duration `yaml:"active_timeout" json:"active_timeout,omitempty" doc:"A flow is cut after this time. Default: 30m."`
	Reorder        time.Duration `yaml:"reorder" json:"reorder,omitempty" doc:"Put packets in order of time within this time; packets then have no flow_id."`
	MaxFlows       int           `yaml:"max_flows" json:"max_flows,omitempty" doc:"At most so many open flows. Default: 262144."`
	DropDuplicates bool          `yaml:"drop_duplicates" json:"drop_duplicates,omitempty" doc:"Leave packets that were captured twice out of flows."`
}

// LabelsConfig says where labels are from; who reads them is not known here.
type LabelsConfig struct {
	Rules    []string      `yaml:"rules" json:"rules,omitempty" doc:"Files of rules or of a corpus' truth, in any form that pcapline label knows; paths are relative to the configuration."`
	Packs    []string      `yaml:"packs" json:"packs,omitempty" doc:"Built-in packs of rules."`
	Zone     string        `yaml:"zone" json:"zone,omitempty" doc:"Time zone of rules whose form does not name it."`
	Slack    time.Duration `yaml:"slack" json:"slack,omitempty" doc:"Make the rules' intervals longer by this time at both ends."`
	Constant string        `yaml:"constant" json:"constant,omitempty" doc:"The label of what no rule covers; you must know that it is true."`
	Strict   bool          `yaml:"strict" json:"strict,omitempty" doc:"End with status 4, and publish nothing, when the labels do not fit."`
}

// ModelConfig says what is made of the tables; who makes it is not known here.
type ModelConfig struct {
	Runs  int    `yaml:"runs" json:"runs,omitempty" doc:"Take the flows of the last so many runs. Default: 7."`
	Seed  uint64 `yaml:"seed" json:"seed,omitempty" doc:"Seed of everything that is drawn. Default: 42."`
	Train string `yaml:"train" json:"train,omitempty" doc:"Training configuration, as pcapline train --config takes it; the path is relative to the configuration."`
	Gate  string `yaml:"gate" json:"gate,omitempty" doc:"Gate, as pcapline eval --gate takes it: a model that fails it ends the batch with status 4."`
}

// defaultShard is Config.Shard where it is not set.
const defaultShard = 256_000_000

// Check verifies what the configuration's form does not tell.
func (c *Config) Check() error {
	if _, err := c.shardBytes(); err != nil {
		return fmt.Errorf("shard: %w", err)
	}
	m, err := c.memory()
	if err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	if m > 0 && m < transform.MinMemory {
		return fmt.Errorf("memory: at least %d MB are needed", transform.MinMemory/1_000_000)
	}
	if c.Sensor != "" && !sensorName.MatchString(c.Sensor) {
		return fmt.Errorf("sensor %q: %w", c.Sensor, errSensor)
	}
	if p := c.Packets.Payload; p != "" {
		if err := new(layer.Options).ParsePayload(p); err != nil {
			return fmt.Errorf("packets: payload: %w", err)
		}
	}
	for name, columns := range map[string][]string{"packets": c.Packets.Columns, "flows": c.Flows.Columns} {
		if columns != nil && !slices.Contains(columns, "ts") {
			return fmt.Errorf("%s: columns: without ts nobody knows the date that a row belongs to", name)
		}
	}
	f := c.Flows
	if min(f.IdleTimeout, f.ActiveTimeout, f.Reorder, c.Labels.Slack, time.Duration(f.MaxFlows)) < 0 {
		return errors.New("durations and counts must not be negative")
	}
	if f.Carry != nil && *f.Carry && f.Span != nil && !*f.Span {
		return errors.New("flows: carry: flows that do not go on from capture to capture do not go on from run to run")
	}
	return nil
}

func (c *Config) shardBytes() (int64, error) {
	if c.Shard == "" {
		return defaultShard, nil
	}
	n, err := spool.ParseSize(c.Shard, 1)
	if err == nil && n < minShard {
		err = fmt.Errorf("%s: at least %d bytes", c.Shard, int64(minShard))
	}
	return n, err
}

// minShard bounds the number of shards: each costs a process' start and a few files.
const minShard = 100_000

func (c *Config) memory() (int64, error) {
	if c.Memory == "" {
		return 0, nil
	}
	return spool.ParseSize(c.Memory, 1)
}

// flow is what package flow is told.
func (c *Config) flow(span bool) flow.Config {
	f := c.Flows
	return flow.Config{
		IdleTimeout: f.IdleTimeout, ActiveTimeout: f.ActiveTimeout, Reorder: f.Reorder, MaxFlows: f.MaxFlows,
		DropDuplicates: f.DropDuplicates, Span: span,
	}
}

var (
	sensorName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+-]{0,63}$`)
	errSensor  = errors.New("a sensor's name is letters, digits, '.', '+' and '-', as it stands in paths")
)

// ConfigSchema is the JSON schema of the configuration file, made from the tags
// of [Config].
func ConfigSchema() []byte {
	s := objectSchema(reflect.TypeFor[Config]())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "pcapline batch configuration"
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		panic(err) // maps, texts and truth values have their JSON
	}
	return b.Bytes()
}

func objectSchema(t reflect.Type) map[string]any {
	properties := map[string]any{}
	for i := range t.NumField() {
		f := t.Field(i)
		p := typeSchema(f.Type)
		p["description"] = f.Tag.Get("doc")
		if f.Tag.Get("format") == "size" {
			p["pattern"] = `^[0-9.]+ *[kKMGTP]?i?[bB]?$`
		}
		properties[strings.Split(f.Tag.Get("yaml"), ",")[0]] = p
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

func typeSchema(t reflect.Type) map[string]any {
	if t == reflect.TypeFor[time.Duration]() {
		return map[string]any{"type": "string", "pattern": `^([0-9.]+(ns|us|µs|ms|s|m|h))+$`}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeSchema(t.Elem())
	case reflect.Struct:
		return objectSchema(t)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": typeSchema(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		return map[string]any{"type": "integer", "minimum": 0}
	case reflect.Uint64:
		return map[string]any{"type": "integer", "minimum": 0}
	}
	return map[string]any{"type": "string"}
}
