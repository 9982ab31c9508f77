// SPDX-License-Identifier: Apache-2.0

extension ProgramTable {
    /// Orchestrators, cloud providers and deployment tools.
    static let platform = """
        kubectl,oc,k3s | infrastructure | -n= -v= --namespace= --context= --cluster= \
            --request-timeout= --v= -A --all-namespaces -o= --output= -l= --selector= \
            --field-selector= -w --watch --show-labels --sort-by= --no-headers -L= \
            --label-columns= --ignore-not-found --limit= --chunk-size= --kubeconfig=:! \
            --server=:! -s=:! --token=:key --as=:role --as-group=:role --user= --plugin-dir=:! \
            --insecure-skip-tls-verify:! -f= --filename= -R --recursive -k= --kustomize= \
            --dry-run=? --force --grace-period= --cascade=? --all --replicas= --image= \
            --timeout= --wait=? --overwrite --record --to-revision= --port= --type= --patch= -p= \
            --server-side --prune --delete-emptydir-data --ignore-daemonsets -c= --container= \
            --from-literal= --from-file= --dry-run=
        kubectl,oc get,describe,top,explain,api-resources,api-versions,cluster-info,events | \
            read path config | --show-kind -h --help -f=:unknown --filename=:unknown -k=:unknown \
            --kustomize=:unknown | ~*secret*:key ~*token*:key
        kubectl,oc version | read path config | --client --short
        kubectl,oc cluster-info dump | export
        kubectl,oc logs | read path config | -f --follow --tail= --since= --since-time= \
            --previous --timestamps --all-containers --prefix --max-log-requests=
        kubectl,oc auth can-i,whoami | read path config |
        kubectl,oc auth reconcile | role
        kubectl,oc rollout status,history | read path config | --revision=
        kubectl,oc diff | unknown !
        kubectl,oc config | key
        kubectl,oc config current-context,get-contexts,get-clusters | read path config |
        kubectl,oc exec,attach,debug,run,port-forward,proxy,plugin | infrastructure !
        kubectl,oc cp | export !
        kubectl,oc create secret*,token*,sa,serviceaccount | key
        kubectl,oc create role,rolebinding,clusterrole,clusterrolebinding | role
        kubectl,oc certificate,adm | role
        helm | infrastructure | * --post-renderer=:!
        helm list,ls,status,history,version | read path config | -aAqdrn -n= -o= --namespace= \
            --all-namespaces --output= --short --max= --filter= --kube-context= --deployed \
            --failed --pending
        helm get | export | -n= --namespace= --kube-context= -a -o=
        helm plugin,template | unknown !
        terraform,tofu,terragrunt | infrastructure single | * -chdir=
        terraform,tofu version | read single | -json
        terraform,tofu plan,validate,console,graph,test,providers,get | unknown ! single
        terraform,tofu show,output,state | export ! single
        terraform,tofu fmt | write single | -check -diff -recursive -list=? -write=?
        terraform,tofu login,logout | key ! single
        pulumi,cdk,cdktf,sam,serverless,sls,copilot,eb,nomad,consul,packer,waypoint,boundary,\
        crossplane,flux,argocd,istioctl,linkerd,cilium,skaffold,tilt,kustomize,kops,eksctl,\
        kubeadm,kind,minikube,k3d,k3sup,rancher,velero,rke,talosctl,clusterctl | infrastructure
        etcdctl | infrastructure
        etcdctl get,snapshot | export
        aws | infrastructure | --region= --profile= --output= --query= --no-cli-pager \
            --no-paginate --color= --page-size= --max-items= --starting-token= --filters= \
            --cli-read-timeout= --cli-connect-timeout= --endpoint-url=:! --no-verify-ssl:! \
            --ca-bundle=:! --cli-input-json=:! --cli-input-yaml=:! *
        aws * describe-*,list-* | read path config | --region= --profile= --output= --query= \
            --no-cli-pager --no-paginate --page-size= --max-items= --starting-token= --filters= \
            --instance-ids= --names= --cluster= --clusters= --services= --function-name= \
            --log-group-name= --log-group-name-prefix= --stack-name= --group-ids= --vpc-ids= \
            --db-instance-identifier=
        aws * get-* | export
        aws * batch-get-*,scan,query,select-* | export
        aws sts get-caller-identity | read path config | --region= --profile= --output= --query= \
            --no-cli-pager
        aws sts | key
        aws s3 ls | read path config | --region= --profile= --recursive --human-readable \
            --summarize --page-size= --request-payer=
        aws s3 cp,mv,sync,presign | export
        aws s3 rb,rm,mb,website | write
        aws iam,organizations,sso-admin,identitystore,ram,lakeformation,cognito-idp * | role
        aws iam list-*,get-* | role
        aws secretsmanager,kms,acm,acm-pca,cloudhsmv2,signer * | key
        aws ssm get-param* | key
        aws ssm start-session,send-command | infrastructure !
        aws ecr,ecr-public get-login*,get-authorization* | key
        aws eks,codeartifact,ecr get-token,get-authorization-token | key
        aws rds generate-db-auth-token | key
        aws ec2 get-password-data,create-key-pair,import-key-pair,describe-instance-attribute | key
        aws configure,sso,login | key
        aws lambda invoke | infrastructure
        gcloud | infrastructure
        gcloud *,* list,describe | read path config | --project= --format= --filter= --limit= \
            --sort-by= --region= --zone= --zones= --regions= --uri --quiet -q
        gcloud compute,sql,container,run,functions,pubsub,dns,logging * list,describe | read \
            path config | --project= --format= --filter= --limit= --sort-by= --region= --zone= \
            --zones= --regions= --uri --quiet -q
        gcloud info,version | read path config |
        gcloud auth,secrets,kms | key
        gcloud auth,secrets,kms * | key
        gcloud auth,secrets,kms list,describe | key
        gcloud iam | role
        gcloud iam * * | role
        gcloud * add-iam-policy-binding,remove-iam-policy-binding,set-iam-policy | role
        gcloud * * add-iam-policy-binding,remove-iam-policy-binding,set-iam-policy | role
        gcloud iam service-accounts keys | key
        gcloud sql export,import | export
        gcloud compute ssh,scp | infrastructure !
        gcloud storage cp,mv,rsync,cat | export
        gsutil,gcsfuse,azcopy,s3cmd,s5cmd,rclone,mc-client,b2 | export
        bq | export
        az | infrastructure
        az * list,show | export
        az * * list,show | export
        az account get-access-token | key
        az keyvault,ad | key
        az keyvault,ad * | key
        az role | role
        az role * | role
        doctl,linode-cli,hcloud,ibmcloud,oci,aliyun,flyctl,fly,heroku,vercel,netlify,wrangler,\
        railway,scw,openstack | infrastructure
        docker,podman,nerdctl | infrastructure | * -H=:! --host=:! --config=:! --context=:! -c=:!
        docker,podman,nerdctl ps,images,version,info,top,port,history,diff | read config | -aqsl \
            -n= -f= --all --filter= --format= --last= --latest --no-trunc --quiet --size \
            --digests
        docker,podman,nerdctl logs | read config | -ft -n= --follow --tail= --since= --until= \
            --timestamps --details
        docker,podman,nerdctl stats | read config | -a --no-stream --format= --all --no-trunc
        docker,podman,nerdctl container,image,volume,network ls,list | read config | -aq -f= \
            --all --filter= --format= --no-trunc --quiet
        docker,podman,nerdctl inspect | export
        docker,podman,nerdctl container,image,volume,network inspect | export
        docker,podman,nerdctl cp,save,export,push | export
        docker,podman,nerdctl run,exec,create,build,buildx,compose,attach | infrastructure !
        docker,podman,nerdctl login,logout,secret,trust | key
        docker-compose,podman-compose,buildah,skopeo,crictl,ctr,runc,crun,kaniko | infrastructure !
        nsenter,unshare,lxc-execute,bwrap,firejail | infrastructure !
        """

    /// Credentials, keys, certificates.
    static let keys = """
        ssh-keygen,ssh-add,ssh-copy-id,ssh-agent,ssh-keyscan | key
        gpg,gpg2,gpgconf,gpgsm,gpg-agent,gpg-connect-agent,gpgv,pinentry | key
        openssl | key single
        openssl version | read single | -a -v -b -d -f -o -p
        openssl x509 | read single | -in= -inform= -noout -text -subject -issuer -dates -enddate \
            -startdate -serial -fingerprint -sha256 -sha1 -pubkey -modulus -ext= -checkend= \
            -nameopt= -email -hash
        openssl verify | read single | -CAfile= -CApath= -untrusted= -purpose= -verbose
        openssl dgst,sha256,sha512,md5 | read single | -sha1 -sha224 -sha256 -sha384 -sha512 \
            -md5 -hex -r -binary
        openssl s_client,s_server,s_time | unknown single
        vault,bao | key single
        vault,bao status,version | read config single | -address= -format=
        vault,bao policy,auth,namespace,audit,secrets | role single
        vault,bao login,token,operator,write,read,kv | key single
        keytool,certutil,pk12util,jarsigner,certbot,acme.sh,lego,step,step-cli,cfssl,mkcert,\
        easyrsa,age,age-keygen,minisign,signify,cosign,sops,pass,gopass,bw,op,lpass,secret-tool,\
        security,keyctl,kinit,kdestroy,ktutil,cryptsetup,veracrypt,tpm2_create,tpm2_load,\
        tpm2_unseal,ykman,wg,chamber,doppler,infisical,teleport,tsh,tctl,aws-vault,saml2aws,\
        keyring | key
        klist | read | -cefkntlaA
        """
}
