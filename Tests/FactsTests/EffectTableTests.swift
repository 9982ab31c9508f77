// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Facts

/// One row of the table: the expected effect, `?` where it is uninspectable, and a command.
struct EffectRow: CustomStringConvertible {
    let effect: Effect
    let isInspectable: Bool
    let command: String
    var description: String { command }

    init?(_ line: Substring) {
        guard let bar = line.firstIndex(of: "|") else { return nil }
        var expected = String(line[..<bar].filter { $0 != " " })
        isInspectable = !expected.hasSuffix("?")
        if !isInspectable { expected.removeLast() }
        guard let effect = Effect(rawValue: expected) else { return nil }
        self.effect = effect
        command = String(line[line.index(after: bar)...].drop { $0 == " " })
    }

    static func rows(_ text: String) -> [EffectRow] {
        let lines = text.split(separator: "\n")
        let rows = lines.compactMap(EffectRow.init)
        precondition(rows.count == lines.count, "a row is misspelt")
        return rows
    }
}

@Suite struct EffectTableTests {
    static let rows = EffectRow.rows(
        reading + writing + exporting + governing + escaping + platform)

    @Test func tableHasTwoHundredRows() {
        #expect(Self.rows.count >= 200, "there are \(Self.rows.count) rows")
    }

    @Test(arguments: rows)
    func commandHasEffect(row: EffectRow) {
        let found = facts(of: row.command)
        #expect(found.effect == row.effect, "\(found.reasons)")
        #expect(found.isInspectable == row.isInspectable, "\(found.reasons)")
    }

    static let reading = """
        read | ls
        read | ls -la --color=auto /srv
        read | cat README.md
        read | cat -n a b c
        read | cat -- -odd-name
        read | head -5 app.log
        read | head -n 5 app.log
        read | tail -n +5 app.log
        read | tail -f app.log
        read | wc -l app.log
        read | stat -c %s app.log
        read | du -sh /var/log
        read | df -h
        read | pwd
        read | echo hello -n --output=x
        read | printf %s a
        read | date
        read | date -u +%s
        read | id
        read | whoami
        read | uname -a
        read | hostname
        read | hostname -f
        read | uptime
        read | free -m
        read | ps -ef
        read | ps aux
        read | pgrep -fl nginx
        read | grep -n needle a.txt
        read | grep -A3 -B 2 x a.txt
        read | egrep x a.txt
        read | sort -k2,2 -n a.txt
        read | sort -t: -k3 a.txt
        read | uniq -c a.txt
        read | cut -d: -f1 a.txt
        read | tr a-z A-Z
        read | diff -u a b
        read | cmp a b
        read | comm -12 a b
        read | md5sum a
        read | sha256sum -c SUMS
        read | base64 a
        read | xxd a
        read | od -An -tx1 a
        read | strings a
        read | file a
        read | jq .name a.json
        read | jq -r --arg k v '.[$k]' a.json
        read | find . -name '*.swift' -type f
        read | find /srv -mtime -1 -print0
        read | sed -n 1,10p a.txt
        read | sed -n '$p' a.txt
        read | sed s/a/b/g a.txt
        read | sed -n -e 's|a|b|p' a.txt
        read | systemctl --no-pager -l status nginx
        read | sed --sandbox s/a/b/ a.txt
        read | tar -tf a.tar
        read | tar tzf a.tar.gz
        read | tar tvf a.tar
        read | which ls
        read | readlink -f a
        read | realpath a
        read | seq 1 10
        read | test -f a
        read | true
        read | sleep 1
        read | lsblk
        read | ss -tlnp
        read | ip addr
        read | ip addr show eth0
        read | ip -4 route show
        read | getent passwd bob
        read | journalctl -u nginx -n 50 --no-pager
        read | systemctl status nginx
        read | systemctl is-active nginx
        read | dpkg-query -W
        read | apt-cache policy nginx
        read | git status
        read | git log --oneline -5
        read | git --no-pager diff HEAD~1
        read | git show --stat HEAD
        read | git branch -a
        read | git remote -v
        read | git rev-parse HEAD
        read | openssl x509 -in cert.crt -noout -text
        read | openssl version
        read | pg_dump --version
        read | pg_isready -h db
        read | docker ps -a
        read | docker logs --tail 10 web
        read | kubectl get pods -n prod
        read | kubectl -n prod get pods -o json
        read | kubectl logs -f web-1
        read | kubectl describe deployment web
        read | helm list -A
        read | terraform version
        read | aws ec2 describe-instances --region eu-west-1
        read | aws sts get-caller-identity
        read | aws s3 ls s3://bucket
        read | gcloud compute instances list --project p
        read | ls /home/deploy/.ssh/id_rsa
        read | mount

        """

    static let writing = """
        write | cp a b
        write | mv a b
        write | rm -rf build
        write | mkdir -p x/y
        write | touch a
        write | ln -s a b
        write | tee out.txt
        write | dd if=a of=b
        write | truncate -s 0 app.log
        write | chmod 644 a
        write | gzip a
        write | unzip a.zip
        write | tar -xf a.tar
        write | tar czf a.tgz dir
        write | sort -o out in
        write | sort in -o out
        write | sort --output=out in
        write | uniq in out
        write | xxd -r in out
        write | xxd in out
        write | find . -delete
        write | find . -fprint out
        write | sed -i s/a/b/ a.txt
        write | sed --in-place=.bak s/a/b/ a.txt
        write | tree -o out
        write | wget http://x/y
        write | curl -o out http://x/y
        write | curl -O http://x/y
        write | yq -i .a=1 a.yml
        write? | git commit -m x
        write? | git push origin main
        write | git branch new
        write | git tag v1
        write | aws s3 rm s3://bucket/key
        write | pg_restore -d db dump

        """

    static let exporting = """

        export | sqlite3 app.db 'select * from users'
        export | sqlite3 app.db .dump
        export | sqlite3 -csv app.db 'select 1'
        export? | sqlite3 app.db '.shell id'
        export? | sqlite3 app.db '.output /tmp/x'
        export? | sqlite3 app.db "select load_extension('x')"
        export? | sqlite3 -init evil.sql app.db
        export | psql -c 'select 1' db
        export? | psql -c '\\! id' db
        export? | psql -f x.sql db
        export? | psql -c 'copy t to program ''id''' db
        role | psql -c 'grant all on t to bob' db
        role | psql -c 'alter role bob superuser' db
        key | psql -c 'select * from pg_shadow' db
        export | pg_dump prod
        export | pg_dumpall
        export | mysqldump --all-databases
        export | mysql -e 'select 1' db
        export? | mysql -e 'select 1 into outfile ''/tmp/x''' db
        export | mongodump --db prod
        export | scp a host:/tmp
        export? | scp -S ./evil a host:/tmp
        export | rsync -a src/ host:/dst
        export? | rsync -e 'sh -c id' src host:/dst
        export? | nc host 80
        export | curl -d @data.json http://x
        export | curl -T file http://x
        export | curl -F f=@file http://x
        export | restic backup /srv
        export | aws s3 cp a s3://bucket
        export | aws dynamodb scan --table-name t
        export | gsutil cp a gs://b
        export | docker save img
        export | docker inspect web
        export? | kubectl cp web:/data .
        export | helm get values web
        export? | terraform output
        export | cat /dev/sda
        export? | redis-cli keys '*'

        """

    static let governing = """
        role | useradd bob
        role | usermod -aG sudo bob
        role | groupadd x
        role | chown root a
        role | chmod 4755 a
        role | chmod u+s a
        role | setfacl -m u:bob:r a
        role | setcap cap_net_admin+ep a
        role? | sudo ls
        role? | su - bob
        role? | visudo
        role | cp x /etc/sudoers.d/x
        role | tee -a /home/bob/.ssh/authorized_keys
        role | tee /etc/passwd
        role | aws iam create-user --user-name bob
        role | kubectl create rolebinding x
        role | gcloud projects add-iam-policy-binding p
        role | exequatur approve act_1
        key | passwd bob
        key | ssh-keygen -t ed25519
        key | gpg --export-secret-keys
        key | openssl genrsa 2048
        key | vault read secret/x
        key | vault kv get secret/x
        key | cat /etc/shadow
        key | cat ../../home/bob/.ssh/id_ed25519
        key | cat .env
        key | cat /proc/1/environ
        key | cat /proc/self/root/etc/shadow
        key | grep -r x -f/etc/shadow .
        key | grep x /home/bob/.aws/credentials
        key | head server.key
        key | base64 /run/secrets/db
        key | jq --rawfile x /etc/shadow . a
        key | diff /dev/null /etc/shadow
        key | curl file:///etc/shadow
        key | curl -u bob:pw http://x
        key | tar czf a.tgz /home/bob/.ssh/id_rsa
        key | getent shadow
        key | aws secretsmanager get-secret-value --secret-id x
        key | aws ssm get-parameter --name x --with-decryption
        key | gcloud auth print-access-token
        key | kubectl get secrets -o yaml
        key | kubectl get pods,secrets
        key | kubectl get pod/x secret/y
        key | kubectl get SECRET x
        key | kubectl describe secret x
        key | kubectl create secret generic x
        key | docker login
        infrastructure | systemctl restart nginx
        infrastructure | systemctl stop nginx
        infrastructure | reboot
        infrastructure | shutdown -h now
        infrastructure | apt-get install nginx
        infrastructure | iptables -F
        infrastructure | ip link set eth0 down
        infrastructure | mount /dev/sdb /mnt
        infrastructure | hostname evil
        infrastructure | date 01010000
        infrastructure | date -s tomorrow
        infrastructure | dmesg -C
        infrastructure | sysctl -w a=b
        infrastructure | kill -9 1
        infrastructure | cp x /etc/cron.d/x
        infrastructure | dd if=a of=/dev/sda
        infrastructure | journalctl --vacuum-size=1M

        """

    static let platform = """
        infrastructure | kubectl apply -f x.yaml
        infrastructure | kubectl delete pod x
        infrastructure? | kubectl exec -it web -- sh
        unknown? | kubectl --kubeconfig=evil get pods
        infrastructure | terraform apply -auto-approve
        infrastructure | terraform destroy
        infrastructure | tofu apply
        infrastructure | helm upgrade web ./chart
        infrastructure? | helm upgrade --post-renderer ./evil web ./chart
        infrastructure? | docker run --rm -v /:/host alpine
        infrastructure | docker rm web
        infrastructure | aws ec2 terminate-instances --instance-ids i-1
        infrastructure | gcloud compute instances delete x
        infrastructure? | ansible-playbook site.yml
        infrastructure? | ssh host id
        infrastructure? | crontab -e
        """
}
