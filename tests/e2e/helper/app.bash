# app.bash - images for the tests that kill: small, of several layers, with a
# version that shares one of them.
#
#   serve_app     $BAD/x/app:1 and $BAD/x/app:2; $T/app.tar, an archive of localhost/app:2
#   (the second has folders without entries)

serve_app() {
    make_image layer "$T/base.tar" <<'ENTRIES'
{"name":"etc","type":"dir"}
{"name":"etc/passwd","data":"root:x:0:0:root:/root:/bin/sh\n"}
{"name":"tmp","type":"dir","mode":"1777"}
ENTRIES
    make_image layer "$T/old.tar" <<<'{"name":"app","data":"old"}'
    make_image layer "$T/new.tar" <<'ENTRIES'
{"name":"app","data":"new"}
{"name":"tmp/made","data":"its folder has no entry"}
{"name":"etc/.wh.passwd"}
ENTRIES
    make_image image "$T/layout" x/app:1 --layer "$T/base.tar" --layer "$T/old.tar"
    make_image image "$T/layout" x/app:2 --layer "$T/base.tar" --layer "$T/new.tar,comp=zstd"
    make_image archive "$T/layout" x/app:2 docker "$T/app.tar" localhost/app:2
    bad_registry "$T/layout"
}

