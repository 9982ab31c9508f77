// SPDX-License-Identifier: Apache-2.0

extension EffectTableTests {
    /// Ways out of programs that seem harmless, after GTFOBins; none of them may be `read`.
    static let escaping = """
        unknown? | sh -c id
        unknown? | bash script.sh
        unknown? | dash
        unknown? | busybox ls
        unknown? | python3 -c 1
        unknown? | python3 --version
        unknown? | perl -e 1
        unknown? | ruby x.rb
        unknown? | node x.js
        unknown? | awk '{print}' a
        unknown? | awk 'BEGIN{system("id")}'
        unknown? | gawk 1 a
        unknown? | env
        unknown? | env ls
        unknown? | xargs cat
        unknown? | nohup ls
        unknown? | timeout 5 ls
        unknown? | nice ls
        unknown? | stdbuf -o0 ls
        unknown? | setsid ls
        unknown? | time ls
        unknown? | watch ls
        unknown? | script -c ls
        unknown? | parallel ls
        unknown? | flock x ls
        unknown? | strace ls
        unknown? | gdb -batch
        unknown? | /lib64/ld-linux-x86-64.so.2 /bin/ls
        unknown? | find . -exec id ';'
        unknown? | find . -execdir id ';'
        unknown? | find . -ok id ';'
        unknown? | find . -name x -okdir id +
        unknown? | find . -unheard x
        unknown? | tar -tf a --checkpoint=1 --checkpoint-action=exec=sh
        unknown? | tar tf a --to-command=sh
        unknown? | tar -tf a -I ./evil
        unknown? | tar tfI a ./evil
        unknown? | tar -tf a --use-compress-program ./evil
        unknown? | tar -tf host:a
        unknown? | tar -tf a -F evil
        unknown? | tar -tf a --unheard
        unknown? | git -c core.pager=id log
        unknown? | git -c core.fsmonitor=id status
        unknown? | git --exec-path=/tmp status
        unknown? | git --git-dir=/tmp/evil log
        unknown? | git log --output=x
        unknown? | git diff --ext-diff
        unknown? | git grep -O x
        unknown? | git help log
        unknown? | git bisect run id
        unknown? | git clone ext::id
        unknown? | git ls-remote ext::id
        unknown? | git unheard
        unknown? | sed 1e a
        unknown? | sed s/a/b/e a
        unknown? | sed 'w out' a
        unknown? | sed 's/a/b/w out' a
        unknown? | sed 's/a/b/;e id' a
        unknown? | sed 's/[/]x/b/e;s/a/id/' a
        write? | sed -i 's/a/id/e' a
        unknown? | sed -n '1,3w out' a
        unknown? | sed -f script a
        unknown? | sort --compress-program=id a
        unknown? | sort --compress-prog=id a
        write | sort -T /tmp a
        unknown? | sort --files0-from=x
        unknown? | less a
        unknown? | more a
        unknown? | man ls
        unknown? | ldd a
        unknown? | file -C -m a
        unknown? | diff -l a b
        unknown? | diff3 --diff-program=id a b c
        unknown | grep -r x .
        unknown | grep -R x
        unknown? | rg --pre id x
        unknown? | jq --unheard . a
        unknown? | date --unheard
        unknown | ps auxe
        unknown? | ps -o pid,environ
        unknown? | hd --unheard
        unknown? | dmesg --unheard
        unknown? | dmesg -H
        unknown? | ip netns exec x id
        unknown? | zgrep --unheard x a
        unknown? | dc
        unknown? | bc
        unknown? | m4 a
        unknown? | make -n
        unknown? | npm list
        unknown? | pip list
        unknown? | cargo --version
        unknown? | go version
        unknown? | gcc -wrapper sh,-c,id a.c
        unknown? | terraform plan
        unknown? | terraform validate
        unknown? | kubectl diff -f x
        unknown? | helm template x
        unknown? | tcpdump -r a -z id
        unknown | curl http://x
        unknown? | curl -K evil http://x
        unknown? | curl --unheard http://x
        unknown? | curl -x proxy http://x
        unknown? | aws ec2 describe-instances --endpoint-url http://x
        unknown? | aws ec2 describe-instances --unheard x
        unknown? | kubectl get pods --unheard
        unknown? | kubectl get --raw /api
        unknown | kubectl get -f x.yaml
        unknown? | openssl x509 -in a -engine evil
        unknown | openssl s_client -connect x:443
        unknown? | openssl dgst -sign k a
        write? | vim a
        write? | ed a
        write? | cp --unheard a b
        write? | install -s --strip-program=./evil a b
        write? | split --filter=id a
        write? | zip a b -T -TT id
        export? | socat - EXEC:id
        export? | mail -s x bob
        role? | sudo -l
        key? | timeout 5 cat /etc/shadow
        export? | timeout 5 pg_dump prod
        export? | sh -c 'cd /x && pg_dump prod | gzip > y'
        role? | bash -c 'useradd eve'
        role? | env A=b usermod -aG sudo eve
        role? | find . -exec usermod eve ';'
        infrastructure? | xargs -n1 kubectl delete
        infrastructure? | nohup systemctl stop nginx
        unknown? | unheard-of
        unknown? | LS
        unknown? | ls --unheard
        unknown? | ls -la --outp=x
        unknown? | cat --show-al a

        """
}
