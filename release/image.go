package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// image writes the image for all architectures of Linux, as the tar of an OCI layout.
func (b *build) image() error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	some := false
	for _, p := range b.platforms {
		if p.os != "linux" {
			continue
		}
		some = true
		image, err := b.imageOf(p)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: p.os, Architecture: p.arch},
			Annotations: map[string]string{"org.opencontainers.image.ref.name": b.source.name()},
		}})
	}
	if !some {
		return nil
	}
	dir := b.staged("layout")
	if _, err := layout.Write(dir, index); err != nil {
		return err
	}
	list, err := walk(dir, "")
	if err != nil {
		return err
	}
	return create(filepath.Join(b.out, "interlock_"+b.source.name()+"_image.tar"), func(w io.Writer) error { return writeTar(w, list, b.source.date) })
}

// imageOf is the image for one architecture: the binary, the certificates of public authorities, and the
// folder of a store. A volume that is mounted there gets the owner of the folder.
func (b *build) imageOf(p platform) (v1.Image, error) {
	roots := b.staged("image/ca-certificates.crt")
	if err := write(roots, certificates(), 0o644); err != nil {
		return nil, err
	}
	certs, err := b.layer(file{"etc/ssl/certs/ca-certificates.crt", roots, 0o644})
	if err != nil {
		return nil, err
	}
	binary, err := b.layer(file{"interlock", b.binaryOf(p), 0o755})
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	store, err := b.folder("var/lib/interlock/")
	if err != nil {
		return nil, err
	}
	if image, err = mutate.AppendLayers(image, certs, binary, store); err != nil {
		return nil, err
	}
	labels := map[string]string{
		"org.opencontainers.image.title": "Interlock", "org.opencontainers.image.description": summary,
		"org.opencontainers.image.url": homepage, "org.opencontainers.image.source": homepage, "org.opencontainers.image.documentation": homepage + "/tree/main/docs",
		"org.opencontainers.image.version": b.source.name(), "org.opencontainers.image.revision": b.source.commit,
		"org.opencontainers.image.created": b.source.date.Format(time.RFC3339), "org.opencontainers.image.licenses": "Apache-2.0",
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = p.os, p.arch, v1.Time{Time: b.source.date}
	config.History = []v1.History{
		{Created: config.Created, CreatedBy: "certificates of public authorities"},
		{Created: config.Created, CreatedBy: "interlock " + b.source.name()},
		{Created: config.Created, CreatedBy: "folder for a store: a volume gets its owner"},
	}
	config.Config = v1.Config{
		Entrypoint: []string{"/interlock"}, User: "65532:65532", Env: []string{"INTERLOCK_STORE=memory"},
		ExposedPorts: map[string]struct{}{"8426/tcp": {}}, Labels: labels,
		Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "/interlock", "healthcheck"}, Interval: 5 * time.Second, Timeout: 3 * time.Second, StartPeriod: 5 * time.Second},
	}
	return mutate.ConfigFile(image, config)
}

// layer is a layer with one file.
func (b *build) layer(f file) (v1.Layer, error) {
	var content bytes.Buffer
	if err := writeTar(&content, []file{f}, b.source.date); err != nil {
		return nil, err
	}
	return layerOf(content.Bytes())
}

// folder is a layer with an empty folder that the user of the image owns.
func (b *build) folder(name string) (v1.Layer, error) {
	var content bytes.Buffer
	t := tar.NewWriter(&content)
	err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o700, Uid: 65532, Gid: 65532, ModTime: b.source.date, Format: tar.FormatUSTAR})
	if err = errors.Join(err, t.Close()); err != nil {
		return nil, err
	}
	return layerOf(content.Bytes())
}

func layerOf(content []byte) (v1.Layer, error) {
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

// certificates are the public authorities that Mozilla trusts without further conditions, as PEM.
// They are those of a module, so that they do not depend on this machine.
func certificates() []byte {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes all
		}
	}
	return text.Bytes()
}
